// The npm package `toss-payments-server-api`, an older client of Toss, against a simulator at $SIMULATOR_URL.
// Every call goes through the package; only what a buyer or a bank would do is done through the control side.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import api from "toss-payments-server-api";

const host = process.env.SIMULATOR_URL;
const basic = `Basic ${Buffer.from("test_sk_outsider:").toString("base64")}`;
const connection = { host, headers: { Authorization: basic } };
const { payments, virtual_accounts: accounts, cash_receipts: receipts } = api.functional.v1;

// What stands for a run, so that a simulator that remembers can be tested twice.
const run = Date.now().toString(36);
let orders = 0;
const nextOrder = () => `outsider-${run}-${(orders += 1)}`;

async function control(path, body) {
  const response = await fetch(`${host}/_sim/${path}`, {
    method: "POST",
    headers: { Authorization: basic, "Content-Type": "application/json" },
    body: JSON.stringify(body ?? {}),
  });
  assert.equal(response.status, 200, path);
  return response.json();
}

/** An authenticated payment, as a buyer leaves the window with. */
function authenticated(orderId) {
  return control("payments", { orderId, orderName: "마라탕 외 2건", amount: 15000 });
}

async function refused(call, status, code) {
  await assert.rejects(call, (error) => {
    assert.equal(error.status, status);
    assert.equal(JSON.parse(error.message).code, code);
    return true;
  });
}

before(() => assert.ok(host, "SIMULATOR_URL says where the simulator is"));

test("it approves, looks up and cancels a card payment", async () => {
  const orderId = nextOrder();
  const { paymentKey } = await authenticated(orderId);
  const approved = await payments.approve(connection, paymentKey, { orderId, amount: 15000 });
  assert.deepEqual([approved.status, approved.method, approved.totalAmount], ["DONE", "카드", 15000]);
  assert.equal(typeof approved.transactionKey, "string");
  assert.deepEqual(await payments.at(connection, paymentKey), approved);

  const part = { paymentKey, cancelReason: "일부", cancelAmount: 5000 };
  const partly = await payments.cancel(connection, paymentKey, part);
  assert.deepEqual([partly.status, partly.balanceAmount], ["PARTIAL_CANCELED", 10000]);
  assert.deepEqual(partly.cancels.map((cancel) => cancel.cancelAmount), [5000]);
});

test("it issues a virtual account and sees the deposit", async () => {
  const issued = await accounts.create(connection, {
    method: "virtual-account",
    orderId: nextOrder(),
    orderName: "훠궈 세트",
    bank: "신한",
    customerName: "김토스",
    amount: 32000,
  });
  assert.deepEqual([issued.status, issued.method], ["WAITING_FOR_DEPOSIT", "가상계좌"]);
  assert.match(issued.virtualAccount.accountNumber, /^X[0-9]+$/);
  await control(`payments/${issued.paymentKey}/deposit`);
  const paid = await payments.at(connection, issued.paymentKey);
  assert.equal(paid.status, "DONE");
  assert.equal(paid.secret, issued.secret);
});

test("it pays by a card's number", async () => {
  const paid = await payments.key_in(connection, {
    method: "card",
    cardNumber: "4330123412341234",
    cardExpirationYear: "30",
    cardExpirationMonth: "07",
    customerIdentityNumber: "881212",
    orderId: nextOrder(),
    orderName: "마라탕",
    amount: 12000,
  });
  assert.deepEqual([paid.status, paid.totalAmount], ["DONE", 12000]);
});

test("it issues a cash receipt and cancels it", async () => {
  const issued = await receipts.create(connection, {
    type: "소득공제",
    paymentKey: "of-no-importance",
    orderId: nextOrder(),
    orderName: "마라탕",
    registrationNumber: "0100001234",
    amount: 10000,
  });
  assert.equal(issued.type, "소득공제");
  const cancelled = await receipts.cancel(connection, issued.receiptKey, {});
  assert.equal(cancelled.orderId, issued.orderId);
});

test("it is told why not", async () => {
  await refused(() => payments.at(connection, "unknown"), 404, "NOT_FOUND_PAYMENT");
  const stranger = { host, headers: { Authorization: `Basic ${btoa("live_sk_outsider:")}` } };
  await refused(() => payments.at(stranger, "unknown"), 401, "UNAUTHORIZED_KEY");
  const orderId = nextOrder();
  const { paymentKey } = await authenticated(orderId);
  const wrong = () => payments.approve(connection, paymentKey, { orderId, amount: 1 });
  await refused(wrong, 400, "INVALID_REQUEST");
});
