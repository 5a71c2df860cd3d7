// mqtt-packet's test.js, resolved by suite.ts. Importing it runs it.

declare module "mqtt-packet-test-suite";
