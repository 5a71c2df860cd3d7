// Settings for Node's tls and https from an endpoint, with certificates and keys checked, and short texts for their errors.

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import net from "node:net";
import tls from "node:tls";
import { ConfigurationException } from "../../src/index.ts";
import type { Endpoint, TlsOptions } from "../../src/ports.ts";

type Pem = string | Uint8Array;

/**
 * Settings for an endpoint with TLS. The platform requires TLS 1.2 (docs/protocol.md 1.4).
 * @throws ConfigurationException for certificates and keys that can never work
 */
export function tlsSettings(endpoint: Endpoint): tls.ConnectionOptions {
  const options = endpoint.tls!;
  return {
    servername: options.serverName ?? (net.isIP(endpoint.host) ? "" : endpoint.host),
    secureContext: contextOf(options),
    // Otherwise NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment gives the token to any server.
    rejectUnauthorized: true,
  };
}

/** By options, which do not change: decrypting a key takes time. */
const contexts = new WeakMap<TlsOptions, tls.SecureContext>();

function contextOf(options: TlsOptions): tls.SecureContext {
  const known = contexts.get(options);
  if (known) return known;
  const context = secureContext(options);
  contexts.set(options, context);
  return context;
}

function secureContext({ ca, cert, key, passphrase }: TlsOptions): tls.SecureContext {
  const settings: tls.SecureContextOptions = { minVersion: "TLSv1.2" };
  if (ca !== undefined) settings.ca = readCertificate("ca", ca).pem;
  if ((cert === undefined) !== (key === undefined)) {
    throw new ConfigurationException(cert === undefined ? "key without cert" : "cert without key");
  }
  if (cert !== undefined && key !== undefined) {
    const own = readCertificate("cert", cert);
    const ownKey = readKey(key, passphrase);
    if (!own.leaf.checkPrivateKey(ownKey)) throw new ConfigurationException("key does not belong to cert");
    settings.cert = own.pem;
    settings.key = ownKey.export({ type: "pkcs8", format: "pem" });
  }
  try {
    return tls.createSecureContext(settings);
  } catch (error) {
    throw new ConfigurationException(`TLS cannot use ca, cert and key: ${describe(error as Error)}`);
  }
}

/** The certificates as PEM text, and the first of them. */
function readCertificate(option: string, value: Pem): { pem: string; leaf: X509Certificate } {
  const text = pemText(option, value) ?? pemOfDer(Buffer.from(value as Uint8Array));
  try {
    return { pem: text, leaf: new X509Certificate(text) };
  } catch (error) {
    throw new ConfigurationException(`${option} is not a certificate: ${describe(error as Error)}`);
  }
}

/** DER certificates, one behind the other, as PEM. Each is longer than 255 bytes, so that its length takes two bytes. */
function pemOfDer(bytes: Buffer): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.length - at > 4 ? at + 4 + bytes.readUInt16BE(at + 2) : bytes.length;
    text += `-----BEGIN CERTIFICATE-----\n${bytes.toString("base64", at, end)}\n-----END CERTIFICATE-----\n`;
    at = end;
  }
  return text;
}

function readKey(value: Pem, passphrase: string | undefined): KeyObject {
  const text = pemText("key", value);
  if (text === undefined) return readDerKey(Buffer.from(value as Uint8Array), passphrase);
  const encrypted = text.includes("ENCRYPTED");
  if (encrypted && passphrase === undefined) {
    throw new ConfigurationException("key is encrypted: give its passphrase in the option key-passphrase");
  }
  try {
    return createPrivateKey({ key: text, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch (error) {
    const cause = encrypted ? "cannot be decrypted; is key-passphrase right?" : "is not a private key:";
    throw new ConfigurationException(`key ${cause} ${describe(error as Error)}`);
  }
}

function readDerKey(key: Buffer, passphrase: string | undefined): KeyObject {
  for (const type of ["pkcs8", "sec1", "pkcs1"] as const) {
    try {
      return createPrivateKey({ key, format: "der", type, ...(passphrase === undefined ? {} : { passphrase }) });
    } catch {
      // Not of this type.
    }
  }
  throw new ConfigurationException("key is neither PEM nor DER of a private key that can be read");
}

/** The value as text if it is PEM; undefined if it is bytes of another kind, which are taken as DER. */
function pemText(option: string, value: Pem): string | undefined {
  const text = typeof value === "string" ? value : Buffer.from(value).toString("latin1");
  if (text.includes("-----BEGIN ")) return text;
  if (typeof value !== "string") return undefined;
  // The text may be a key, so the error does not show it.
  throw new ConfigurationException(`${option} is not PEM text; if it is the path of a file, read the file first`);
}

/** The server seems to speak without TLS: it answers ClientHello with other bytes, or by closing the connection. */
const PLAIN_SERVER = "the server does not speak TLS on this port; for a server without TLS set tls to false";

/** A short text for an error of sockets, TLS or OpenSSL. */
export function describe(error: Error & { code?: string; reason?: string }): string {
  // Connecting to a name with several addresses fails with one error for each of them and no text of its own.
  if (error instanceof AggregateError && error.errors.length) return error.errors.map(describe).join(", ");
  if (error.code === "ERR_SSL_WRONG_VERSION_NUMBER") return PLAIN_SERVER;
  if (error.message.includes("before secure TLS connection")) return `${error.code}: ${PLAIN_SERVER}`;
  // The messages of OpenSSL have library, function, source file and line around the reason.
  return error.reason || error.message || error.code || error.name;
}
