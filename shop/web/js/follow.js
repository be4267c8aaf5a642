// Follows one order until nothing more will happen: a stream of events, and where that does not
// get through, long polling. Not here: how an order looks.

import { call, Problem, stream } from "./api.js";
import { accessToken, keepTicket, ticketOf } from "./memory.js";

const WAIT_SECONDS = 20;
const SILENCE_MS_MAX = 40_000; // The server pings every 15 s.
const BACKOFF_MS_MAX = 30_000;
const POLLING_MS = 60_000; // How long to poll before the stream is tried again.
const QUIET_CHECK_MS = 5_000; // A finished order may still be refunded by the shop.

/**
 * Follows the order; `onOrder(view)` for each new version, `onLink(state)` with `live`, `polling`,
 * `waiting` (to connect again) or `done`.
 *
 * Returns when the signal is aborted; throws the `Problem` if the order cannot be read at all.
 */
export async function followOrder({ orderId, signal, onOrder, onLink }) {
  const reader = new Reader(orderId, signal, onOrder);
  await reader.get();
  let failures = 0;
  let pollUntil = 0;
  while (!signal.aborted) {
    if (!reader.view.keepPolling) {
      onLink("done");
      await reader.checkQuietly();
      continue;
    }
    try {
      if (performance.now() < pollUntil) {
        onLink("polling");
        await reader.poll();
      } else {
        await reader.stream(() => {
          failures = 0;
          onLink("live");
        });
      }
      failures = 0;
    } catch (problem) {
      signal.throwIfAborted();
      if (isFinal(problem)) throw problem;
      failures += 1;
      if (failures >= 2 && pollUntil < performance.now())
        pollUntil = performance.now() + POLLING_MS;
      onLink("waiting");
      await pause(backoffMs(failures, problem), signal);
    }
  }
}

class Reader {
  constructor(orderId, signal, onOrder) {
    this.orderId = orderId;
    this.path = `/v1/orders/${encodeURIComponent(orderId)}`;
    this.signal = signal;
    this.onOrder = onOrder;
    this.view = null;
    this.etag = null;
  }

  bearer() {
    return accessToken(this.orderId) ?? ticketOf(this.orderId);
  }

  async get(query = "", headers = {}, timeoutMs = undefined) {
    const options = { bearer: this.bearer(), headers, signal: this.signal, timeoutMs };
    const answer = await call("GET", this.path + query, options);
    if (answer.status !== 304) this.accept(answer.body, answer.headers.get("ETag"));
    return answer.status;
  }

  accept(view, etag = null) {
    if (view.ticket) keepTicket(this.orderId, view.ticket);
    if (this.view && view.version < this.view.version) return;
    this.view = view;
    this.etag = etag ?? `"v${view.version}"`;
    this.onOrder(view);
  }

  async poll() {
    const started = performance.now();
    const headers = this.etag ? { "If-None-Match": this.etag } : {};
    const status = await this.get(`?wait=${WAIT_SECONDS}`, headers, (WAIT_SECONDS + 10) * 1000);
    // A server that does not wait must not be asked in a tight loop.
    const isEarly = status === 304 && performance.now() - started < 1000;
    if (isEarly) await pause((this.view.retryAfterSeconds ?? 2) * 1000, this.signal);
  }

  async stream(onOpen) {
    if (!ticketOf(this.orderId)) await this.get();
    const ticket = ticketOf(this.orderId) ?? "";
    const silence = new AbortController();
    let timer = 0;
    const onSign = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS_MAX);
    };
    onSign();
    let isOpen = false;
    try {
      await stream(`${this.path}/events?ticket=${encodeURIComponent(ticket)}`, {
        lastEventId: this.view.version,
        signal: AbortSignal.any([this.signal, silence.signal]),
        onSign: () => {
          onSign();
          if (!isOpen) onOpen();
          isOpen = true;
        },
        onEvent: (message) => {
          if (message.event === "order") this.accept(JSON.parse(message.data));
        },
      });
    } catch (problem) {
      this.signal.throwIfAborted();
      if (problem.status !== 401 || !accessToken(this.orderId)) throw problem;
      // The ticket ran out while the network was away; an own order gets a new one.
      keepTicket(this.orderId, null);
      throw new Problem({ code: "ticket_expired", detail: problem.message });
    } finally {
      clearTimeout(timer);
    }
    // The server closed the stream: either all is done, or it is going away.
    if (this.view.keepPolling) await this.get();
    if (this.view.keepPolling) await pause(1000, this.signal);
  }

  async checkQuietly() {
    await pause(QUIET_CHECK_MS, this.signal);
    await untilVisible(this.signal);
    try {
      await this.get("", { "If-None-Match": this.etag });
    } catch (problem) {
      this.signal.throwIfAborted();
      // What is shown stays true; somebody who comes back later reloads the page.
      if (isFinal(problem)) await untilAborted(this.signal);
    }
  }
}

function isFinal(problem) {
  return problem instanceof Problem && [401, 403, 404].includes(problem.status);
}

function backoffMs(failures, problem) {
  if (problem.retryAfterSeconds) return Math.min(BACKOFF_MS_MAX, problem.retryAfterSeconds * 1000);
  const full = Math.min(BACKOFF_MS_MAX, 500 * 2 ** failures);
  return full / 2 + Math.random() * (full / 2);
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        reject(signal.reason);
      },
      { once: true },
    );
  });
}

function untilVisible(signal) {
  if (document.visibilityState === "visible") return Promise.resolve();
  return new Promise((resolve, reject) => {
    document.addEventListener("visibilitychange", resolve, { once: true, signal });
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function untilAborted(signal) {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
