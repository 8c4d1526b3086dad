// Requests to the server. Every refusal is one clear line.

export class Refusal extends Error {}

let base = "";

/** Open the session of this tab: a new one, or the one it had before a reload. */
export async function openSession() {
  const before = sessionStorage.getItem("pisada.session") || "";
  const opened = await request("/api/sessions", { method: "POST", body: JSON.stringify({ session: before }) });
  sessionStorage.setItem("pisada.session", opened.session);
  base = `/api/sessions/${opened.session}`;
  return opened;
}

/** Return the address of a route of this session. */
export function address(path, query = {}) {
  const text = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined)).toString();
  return `${base}${path}${text ? `?${text}` : ""}`;
}

export const get = (path, query) => request(address(path, query));
export const post = (path, body = {}) => request(address(path), { method: "POST", body: JSON.stringify(body) });
export const upload = (path, query, file) => request(address(path, query), { method: "PUT", body: file });
export const panes = () => request("/api/panes");

async function request(url, options = {}) {
  let reply;
  try {
    reply = await fetch(url, options);
  } catch {
    throw new Refusal("The studio does not respond. Is the terminal that runs it still open?");
  }
  const isJson = (reply.headers.get("content-type") || "").startsWith("application/json");
  if (!reply.ok) throw new Refusal(isJson ? (await reply.json()).problem : await reply.text());
  return isJson ? reply.json() : reply.arrayBuffer();
}

/** Save the reply of a route as a file. */
export function download(path, query) {
  const link = document.createElement("a");
  link.href = address(path, query);
  link.download = "";
  document.body.append(link);
  link.click();
  link.remove();
}
