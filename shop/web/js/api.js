// Calls to the public HTTP API. Every failure becomes a `Problem` with a sentence that can be
// shown.

import { language, t } from "./words.js";

const TIMEOUT_MS = 15_000;

/** What went wrong, in the customer's language. `code` is the API's, or `network`. */
export class Problem extends Error {
  constructor({ status = 0, code, detail, body = null, retryAfterSeconds = null }) {
    super(detail);
    this.status = status;
    this.code = code;
    this.body = body;
    this.fields = Array.isArray(body?.errors) ? body.errors : [];
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/**
 * Sends a request and returns `{status, body, headers}` for any 2xx and for 304.
 *
 * Throws a `Problem`, or the `AbortError` of the caller's signal.
 */
export async function call(method, path, options = {}) {
  const { body, bearer, headers = {}, signal, timeoutMs = TIMEOUT_MS } = options;
  const response = await send(
    method,
    path,
    {
      headers: {
        Accept: "application/json",
        ...common(bearer),
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: bounded(signal, timeoutMs),
    },
    signal,
  );
  if (response.status === 304) return { status: 304, body: null, headers: response.headers };
  if (!response.ok) throw await problemOf(response);
  try {
    return { status: response.status, body: await response.json(), headers: response.headers };
  } catch {
    signal?.throwIfAborted();
    throw unreachable();
  }
}

/**
 * Opens a stream of server-sent events and calls `onEvent({id, event, data})` for each, and
 * `onSign()` for every sign of life. Returns when the server ends the stream.
 *
 * `EventSource` is not used because it sends the browser's language, not the page's, and hides the
 * status of a refusal.
 */
export async function stream(path, { lastEventId, signal, onEvent, onSign }) {
  const headers = { Accept: "text/event-stream", ...common(null) };
  if (lastEventId) headers["Last-Event-ID"] = String(lastEventId);
  const response = await send("GET", path, { headers, signal }, signal);
  if (!response.ok) throw await problemOf(response);
  onSign();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let pending = { data: [] };
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onSign();
    const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    for (const line of lines) pending = takeLine(line, pending, onEvent);
  }
}

function takeLine(line, pending, onEvent) {
  if (line === "") {
    if (pending.data.length > 0 || pending.event) {
      onEvent({ id: pending.id, event: pending.event ?? "message", data: pending.data.join("\n") });
    }
    return { data: [] };
  }
  const colon = line.indexOf(":");
  if (colon === 0) return pending;
  const name = colon < 0 ? line : line.slice(0, colon);
  const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
  if (name === "data") pending.data.push(value);
  else if (name === "event") pending.event = value;
  else if (name === "id") pending.id = value;
  return pending;
}

function common(bearer) {
  const headers = { "Accept-Language": language() };
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  return headers;
}

function bounded(signal, timeoutMs) {
  const timeout = AbortSignal.timeout(timeoutMs);
  return signal ? AbortSignal.any([signal, timeout]) : timeout;
}

async function send(method, path, init, signal) {
  try {
    return await fetch(path, { method, credentials: "omit", cache: "no-store", ...init });
  } catch {
    signal?.throwIfAborted();
    throw unreachable();
  }
}

async function problemOf(response) {
  let body = null;
  try {
    body = await response.json();
  } catch {
    // A proxy in between may answer with anything.
  }
  const seconds = Number(response.headers.get("Retry-After"));
  return new Problem({
    status: response.status,
    code: body?.code ?? `http_${response.status}`,
    detail: body?.detail ?? body?.title ?? t("problem.status", { status: response.status }),
    body,
    retryAfterSeconds: Number.isFinite(seconds) && seconds > 0 ? seconds : null,
  });
}

function unreachable() {
  return new Problem({ code: "network", detail: t("problem.network") });
}

/** A key for `Idempotency-Key`: 128 random bits. */
export function idempotencyKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

let configuration = null;

/** `{mode, clientKey, sdkUrl, currency}`, asked once. */
export async function checkoutConfig() {
  configuration ??= call("GET", "/v1/checkout/config").then((answer) => answer.body);
  try {
    return await configuration;
  } catch (problem) {
    configuration = null;
    throw problem;
  }
}

/** The store with its products. */
export async function fetchMenu(storeId, signal) {
  const answer = await call("GET", `/v1/stores/${encodeURIComponent(storeId)}/menu`, { signal });
  return answer.body;
}
