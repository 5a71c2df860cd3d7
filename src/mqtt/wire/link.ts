// One network connection at a time: the transport, the decoder for what it receives, and the send buffer with its encoder
// for what it sends. Bytes enter and leave the client here; the rest of the client sees packets.

import type { Endpoint, Ports, TransportListener } from "../../ports.ts";
import { Decoder, type DecoderListener } from "./decoder.ts";
import { Encoder } from "./encoder.ts";
import { SendBuffer } from "./send-buffer.ts";

export interface LinkListener extends DecoderListener {
  /** The transport is open; CONNECT can be sent. */
  opened(): void;
  /** The buffer was flushed, after received bytes or because the transport has room: there may be room for what waits. */
  flushed(): void;
  /** The transport closed or never opened. `reason`: what the engine says, if anything. */
  closed(reason: string | undefined): void;
}

export class Link implements TransportListener {
  readonly encoder: Encoder;
  /** Bytes were received in this half of the keep-alive. */
  receivedInHalf = false;
  private readonly listener: LinkListener;
  private readonly decoder: Decoder;

  constructor(listener: LinkListener, frameBytes: number, transmitBytes: number) {
    this.listener = listener;
    this.decoder = new Decoder(listener, frameBytes);
    this.encoder = new Encoder(new SendBuffer(transmitBytes));
  }

  get buffer(): SendBuffer {
    return this.encoder.buffer;
  }

  /** @throws what {@link Ports.open} throws */
  open(ports: Ports, endpoint: Endpoint): void {
    this.buffer.attach(ports.open(endpoint, this));
  }

  /**
   * Bytes that the transport has not taken are lost.
   * @param closed called when what the transport has taken is sent and it is closed
   */
  close(closed?: () => void): void {
    const { buffer } = this;
    const { transport } = buffer;
    this.decoder.stop();
    buffer.attach(undefined);
    if (transport) transport.close(closed);
    else closed?.();
  }

  // From the transport.

  opened(): void {
    // Not earlier: a callback may call connect() while the decoder still reads the last bytes of the old connection.
    this.decoder.reset();
    this.listener.opened();
  }

  received(bytes: Uint8Array): void {
    this.receivedInHalf = true;
    const { buffer } = this.encoder;
    buffer.corked = true;
    this.decoder.push(bytes);
    buffer.corked = false;
    if (buffer.used > 0 || buffer.streaming) buffer.flush(); // as `pending`, without a call: most packets need no answer
    this.listener.flushed(); // a payload may have left, and messages that waited for it can go
  }

  writableAgain(): void {
    this.buffer.flush();
    this.listener.flushed();
  }

  closed(reason: string | undefined): void {
    this.listener.closed(reason);
  }
}
