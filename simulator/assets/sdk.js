/*
 * A mimic of Toss Payments' browser script "v2 standard" for the simulator: the payment window by redirect.
 * It checks what a shop passes as Toss's own script does and rejects with an error that has `code` and `message`.
 * Not here: widgets, brandpay, billing, and windows that answer by promise.
 */
(function () {
  "use strict";

  var ORIGIN = new URL(document.currentScript.src).origin;
  var ANONYMOUS = "@@ANONYMOUS";
  var METHODS = [
    "CARD", "VIRTUAL_ACCOUNT", "TRANSFER", "MOBILE_PHONE",
    "CULTURE_GIFT_CERTIFICATE", "BOOK_GIFT_CERTIFICATE", "GAME_GIFT_CERTIFICATE",
  ];
  var isRunning = false;

  // Coming back with the browser's back button, the page may be the very same one.
  window.addEventListener("pageshow", function () {
    isRunning = false;
  });

  function failure(code, message) {
    var error = new Error(message);
    error.name = "TossPaymentsError";
    error.code = code;
    return error;
  }

  function check(isFine, code, message) {
    if (!isFine) {
      throw failure(code, message);
    }
  }

  function isText(value, min, max) {
    return typeof value === "string" && value.length >= min && value.length <= max;
  }

  function isWebAddress(value) {
    if (typeof value !== "string" || !/^https?:\/\//i.test(value)) {
      return false;
    }
    try {
      return new URL(value).host !== "";
    } catch (error) {
      return false;
    }
  }

  function checkAmount(amount) {
    check(amount && typeof amount === "object", "INVALID_AMOUNT_VALUE", "amount must be { currency, value }");
    check(amount.currency === "KRW", "INVALID_AMOUNT_CURRENCY", "the simulator pays in KRW only");
    check(
      typeof amount.value === "number" && Number.isFinite(amount.value),
      "INVALID_AMOUNT_VALUE", "amount.value must be a number"
    );
    check(amount.value > 0, "BELOW_ZERO_AMOUNT", "amount.value must be greater than 0");
    check(Number.isSafeInteger(amount.value), "INVALID_AMOUNT_VALUE", "amount.value must be whole won");
  }

  function checkMetadata(metadata) {
    if (metadata === undefined || metadata === null) {
      return "";
    }
    check(typeof metadata === "object" && !Array.isArray(metadata), "INVALID_METADATA", "metadata must be an object");
    var names = Object.keys(metadata);
    check(names.length <= 5, "INVALID_METADATA", "metadata may have 5 pairs");
    names.forEach(function (name) {
      check(name.length <= 40 && !/[[\]]/.test(name), "INVALID_METADATA", "metadata has a key that is not allowed");
      check(isText(metadata[name], 0, 2000), "INVALID_METADATA", "metadata values must be texts of 2000 characters");
    });
    return JSON.stringify(metadata);
  }

  function checkRequest(request) {
    check(request && typeof request === "object", "INVALID_PARAMETERS", "a payment request is required");
    check(METHODS.indexOf(request.method) >= 0, "NOT_SUPPORTED_METHOD", "this method is not supported");
    checkAmount(request.amount);
    check(
      typeof request.orderId === "string" && /^[A-Za-z0-9_-]{6,64}$/.test(request.orderId),
      "INVALID_PARAMETERS", "orderId must be 6 to 64 characters of A-Z a-z 0-9 - _"
    );
    check(isText(request.orderName, 1, 100), "INVALID_PARAMETERS", "orderName must be 1 to 100 characters");
    check(
      request.successUrl !== undefined || request.failUrl !== undefined,
      "NOT_SUPPORTED_PROMISE", "the simulator needs successUrl and failUrl"
    );
    check(isWebAddress(request.successUrl), "INCORRECT_SUCCESS_URL_FORMAT", "successUrl must include its origin");
    check(isWebAddress(request.failUrl), "INCORRECT_FAIL_URL_FORMAT", "failUrl must include its origin");
    ["customerName", "customerEmail"].forEach(function (field) {
      var value = request[field];
      check(
        value === undefined || value === null || isText(value, 0, 100),
        "INVALID_PARAMETERS", field + " may have 100 characters"
      );
    });
    var phone = request.customerMobilePhone;
    check(
      phone === undefined || phone === null || phone === "" || (typeof phone === "string" && /^[0-9]{8,15}$/.test(phone)),
      "INVALID_PARAMETERS", "customerMobilePhone must be 8 to 15 digits"
    );
  }

  function fieldsOf(clientKey, customerKey, request) {
    var metadata = checkMetadata(request.metadata);
    var options = request.card || request.virtualAccount || request.transfer || {};
    return {
      clientKey: clientKey,
      customerKey: customerKey,
      method: request.method,
      easyPay: options.easyPay,
      currency: request.amount.currency,
      value: request.amount.value,
      orderId: request.orderId,
      orderName: request.orderName,
      successUrl: new URL(request.successUrl).href,
      failUrl: new URL(request.failUrl).href,
      customerName: request.customerName,
      customerEmail: request.customerEmail,
      customerMobilePhone: request.customerMobilePhone,
      taxFreeAmount: request.taxFreeAmount,
      taxExemptionAmount: options.taxExemptionAmount,
      useEscrow: options.useEscrow === true ? "true" : "",
      validHours: options.validHours,
      dueDate: options.dueDate,
      cashReceiptType: options.cashReceipt && options.cashReceipt.type,
      metadata: metadata,
      lang: document.documentElement.lang,
    };
  }

  function go(fields) {
    var form = document.createElement("form");
    form.method = "post";
    form.action = ORIGIN + "/window";
    form.target = "_top";
    form.hidden = true;
    form.acceptCharset = "utf-8";
    Object.keys(fields).forEach(function (name) {
      if (fields[name] === undefined || fields[name] === null) {
        return;
      }
      var input = document.createElement("input");
      input.type = "hidden";
      input.name = name;
      input.value = String(fields[name]);
      form.appendChild(input);
    });
    document.body.appendChild(form);
    // Not form.submit: a field of that name would shadow it.
    HTMLFormElement.prototype.submit.call(form);
  }

  function payment(clientKey, options) {
    check(!/^test_gck_/.test(clientKey), "NOT_SUPPORTED_WIDGET_KEY", "a widget key cannot open the payment window");
    var customerKey = options && options.customerKey;
    check(
      customerKey === ANONYMOUS || (typeof customerKey === "string" && /^[A-Za-z0-9_=.@-]{2,50}$/.test(customerKey)),
      "INVALID_CUSTOMER_KEY", "customerKey must be 2 to 50 characters of A-Z a-z 0-9 - _ = . @"
    );
    return {
      requestPayment: function (request) {
        return new Promise(function (resolve, reject) {
          try {
            check(!isRunning, "INVALID_METHOD_TRANSACTION", "another payment request is running");
            checkRequest(request);
            var fields = fieldsOf(clientKey, customerKey, request);
            isRunning = true;
            // The browser leaves this page; the promise stays open, as with Toss.
            go(fields);
          } catch (error) {
            reject(error);
          }
        });
      },
      requestBillingAuth: function () {
        return Promise.reject(failure("NOT_SUPPORTED_METHOD", "the simulator has no billing"));
      },
    };
  }

  function TossPayments(clientKey) {
    check(
      typeof clientKey !== "string" || !/^(test|live)_g?sk_/.test(clientKey),
      "INSECURE_KEY_USAGE", "a secret key must never be used in a browser"
    );
    check(
      typeof clientKey === "string" && /^test_g?ck_[A-Za-z0-9_]{1,200}$/.test(clientKey),
      "INVALID_CLIENT_KEY", "the simulator takes test client keys only"
    );
    return {
      payment: function (options) {
        return payment(clientKey, options);
      },
      widgets: function () {
        throw failure("NOT_SUPPORTED_API_INDIVIDUAL_KEY", "the simulator has no widgets");
      },
      brandpay: function () {
        throw failure("NOT_SUPPORTED_METHOD", "the simulator has no brandpay");
      },
    };
  }

  TossPayments.ANONYMOUS = ANONYMOUS;
  window.TossPayments = TossPayments;
})();
