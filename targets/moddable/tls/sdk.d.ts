// Modules of the Moddable SDK, as far as they are used here. @moddable/typings has none of them.

declare module "crypt" {
  export class Digest {
    constructor(type: string);
    process(...data: (ArrayBufferLike | Uint8Array)[]): ArrayBuffer;
    write(data: Uint8Array): void;
    close(): ArrayBuffer;
  }
}

declare module "rsa" {
  export default class RSA {
    constructor(exponent: bigint, modulus: bigint);
    process(value: bigint): bigint;
  }
}

declare module "ecp" {
  export default class ECPoint {
    constructor(x: bigint, y: bigint);
  }
}

declare module "curve" {
  import type ECPoint from "ecp";
  export default class Curve {
    constructor(name: string);
    readonly G: ECPoint;
    readonly ec: { readonly a: bigint; readonly b: bigint; readonly m: bigint };
    readonly n: bigint;
    readonly orderSize: number;
  }
}

declare module "ecdsa" {
  import type Curve from "curve";
  import type ECPoint from "ecp";
  export default class ECDSA {
    constructor(key: ECPoint, curve: Curve);
    verify(digest: ArrayBuffer, signature: ArrayBuffer): boolean;
  }
}

declare module "pkcs8" {
  const PKCS8: { parse(key: Uint8Array): object };
  export default PKCS8;
}

declare module "ssl/constants" {
  export const RSA: number;
  export const ECDHE_RSA: number;
  export const AES: number;
  export const SHA1: number;
  export const SHA256: number;
  export const CBC: number;
  export const GCM: number;
}

declare module "ssl/handshake" {
  export const checksKeyExchange: true;
}

/** The SDK's own ssl/handshake, by the name that manifest-tls-handshake.json gives it. */
declare module "iotf-embedded/sdk-handshake" {
  const handshake: { readonly serverKeyExchange: object };
  export default handshake;
}
