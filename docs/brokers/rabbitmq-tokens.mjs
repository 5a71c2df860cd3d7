// Tells RabbitMQ whether user name, client id and token belong together: node rabbitmq-tokens.mjs TOKENS.json [PORT]
// The file is a list of { "username", "clientId", "token" }. It is read at each question, so changes need no restart.

import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const [file, port = "8000"] = process.argv.slice(2);
const digest = text => createHash("sha256").update(text).digest();

function allowed(question) {
  const known = JSON.parse(readFileSync(file, "utf8"));
  const entry = known.find(
    ({ username, clientId }) => username === question.get("username") && clientId === question.get("client_id"),
  );
  return entry !== undefined && timingSafeEqual(digest(entry.token), digest(question.get("password") ?? ""));
}

const server = createServer((request, response) => {
  let body = "";
  request.on("data", bytes => {
    body += bytes;
    if (body.length > 65_536) request.destroy();
  });
  request.on("end", () => response.end(allowed(new URLSearchParams(body)) ? "allow" : "deny"));
});
server.listen(Number(port), "127.0.0.1", () => console.log(`listening on port ${server.address().port}`));
