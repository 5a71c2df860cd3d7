// mqtt-packet's test.js, found by suite.ts: run by being imported.

declare module "mqtt-packet-test-suite";
