// The SDK's module "ssl/ciphersuites", replaced: what the client offers, the best first. The SDK's own has those without
// forward secrecy first, and DHE, whose handshake takes a chip 17 s.

import { AES, CBC, ECDHE_RSA, GCM, RSA, SHA1, SHA256 } from "ssl/constants";

/** A suite with AES, as the SDK's TLS reads it. @param id the two bytes that name it */
function suite(id: number, keyExchange: number, keyBytes: number, hash: number, hashBytes: number, mode: number) {
  return Object.freeze({
    value: Object.freeze([id >> 8, id & 0xff]),
    isExportable: false,
    keyExchangeAlgorithm: keyExchange,
    cipherAlgorithm: AES,
    cipherKeySize: keyBytes,
    cipherBlockSize: 16,
    hashAlgorithm: hash,
    hashSize: hashBytes,
    encryptionMode: mode,
    // Of the nonce of GCM: what each record carries, and what the handshake fixes.
    ...(mode === GCM ? { ivSize: 8, saltSize: 4 } : undefined),
  });
}

export default Object.freeze([
  suite(0xc02b, ECDHE_RSA, 16, SHA256, 32, GCM), // ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
  suite(0xc02f, ECDHE_RSA, 16, SHA256, 32, GCM), // ECDHE_RSA_WITH_AES_128_GCM_SHA256
  suite(0xc027, ECDHE_RSA, 16, SHA256, 32, CBC), // ECDHE_RSA_WITH_AES_128_CBC_SHA256
  suite(0x003c, RSA, 16, SHA256, 32, CBC), // RSA_WITH_AES_128_CBC_SHA256
  suite(0x003d, RSA, 32, SHA256, 32, CBC), // RSA_WITH_AES_256_CBC_SHA256
  suite(0x002f, RSA, 16, SHA1, 20, CBC), // RSA_WITH_AES_128_CBC_SHA
  suite(0x0035, RSA, 32, SHA1, 20, CBC), // RSA_WITH_AES_256_CBC_SHA
]);
