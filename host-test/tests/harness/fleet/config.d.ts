// What `key=value` on the command line gives to a program.
declare module "mc/config" {
  const config: Readonly<Record<string, string>>;
  export default config;
}
