// The payment window: loads the script that the API names (Toss's own, or the simulator's with the
// same interface) and asks it for the window. Both are called identically.

import { checkoutConfig, Problem } from "./api.js";
import { keepWindow } from "./memory.js";
import { t } from "./words.js";

/** The methods that the customer may choose, by Toss's name. */
export const METHODS = ["CARD", "TRANSFER", "VIRTUAL_ACCOUNT"];

/** Remembers what the window of a new order needs. `created` is the answer to `POST /v1/orders`. */
export function prepareWindow(created, method) {
  const parameters = {
    clientKey: created.clientKey,
    customerKey: created.customerKey,
    request: {
      method,
      amount: { currency: created.currency, value: created.amount },
      orderId: created.orderId,
      orderName: created.orderName,
      successUrl: created.successUrl,
      failUrl: created.failUrl,
      customerName: created.customerName,
      customerMobilePhone: created.customerMobilePhone,
      windowTarget: "self",
    },
  };
  if (created.taxFreeAmount > 0) parameters.request.taxFreeAmount = created.taxFreeAmount;
  if (created.customerEmail) parameters.request.customerEmail = created.customerEmail;
  keepWindow(created.orderId, parameters);
  return parameters;
}

/**
 * Leaves the page for the payment window.
 *
 * Throws a `Problem` if the script cannot be loaded or refuses; `USER_CANCEL` means that the
 * customer closed the window.
 */
export async function openWindow({ clientKey, customerKey, request }) {
  const { sdkUrl } = await checkoutConfig();
  const TossPayments = await loadScript(sdkUrl);
  try {
    await TossPayments(clientKey).payment({ customerKey }).requestPayment(request);
  } catch (refusal) {
    throw new Problem({
      code: refusal?.code ?? "window_failed",
      detail: refusal?.message ?? t("problem.window"),
    });
  }
}

let loading = null;

function loadScript(address) {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.async = true;
    const fail = () => {
      loading = null;
      script.remove();
      reject(new Problem({ code: "window_script", detail: t("problem.script") }));
    };
    script.addEventListener("load", () =>
      window.TossPayments ? resolve(window.TossPayments) : fail(),
    );
    script.addEventListener("error", fail);
    document.head.append(script);
  });
  return loading;
}
