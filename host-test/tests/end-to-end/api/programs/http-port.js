// Runs inside XS: the HTTP port of HttpClient, lent by the host (lend-http.ts). Bytes cross as arrays of numbers.

const pending = new Map();
let last = 0;

host.register("http.done", ([id, reason, answer]) => {
  const done = pending.get(id);
  pending.delete(id);
  if (answer) answer.body = Uint8Array.from(answer.body);
  done?.(reason ?? undefined, answer ?? undefined);
});

function post(request, done) {
  const id = ++last;
  pending.set(id, done);
  host.call("http.post", [id, { ...request, body: Array.from(request.body) }]);
  return () => {
    pending.delete(id);
    host.call("http.abort", id);
  };
}

export const httpPorts = { ...host.ports, post };
