// Money, times and banks as text.

import { language, t } from "./words.js";

const GROUPED = new Intl.NumberFormat("ko-KR");

/** Won, from an integer. */
export function won(amount) {
  return t("money", { n: GROUPED.format(amount) });
}

/** Hours and minutes; with the date unless it is today. The visitor's own time zone. */
export function clock(text) {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return "";
  const isToday = time.toDateString() === new Date().toDateString();
  const fields = { hour: "numeric", minute: "2-digit" };
  if (!isToday) Object.assign(fields, { month: "short", day: "numeric" });
  return new Intl.DateTimeFormat(language(), fields).format(time);
}

/** The same with seconds, for a timeline in which things happen within one minute. */
export function exactClock(text) {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return "";
  const fields = { hour: "numeric", minute: "2-digit", second: "2-digit" };
  if (time.toDateString() !== new Date().toDateString()) {
    Object.assign(fields, { month: "short", day: "numeric" });
  }
  return new Intl.DateTimeFormat(language(), fields).format(time);
}

// Two-digit bank codes of Toss Payments.
const BANKS = {
  "02": "bank.02",
  "03": "bank.03",
  "06": "bank.06",
  "07": "bank.07",
  11: "bank.11",
  12: "bank.12",
  20: "bank.20",
  23: "bank.23",
  27: "bank.27",
  31: "bank.31",
  32: "bank.32",
  34: "bank.34",
  35: "bank.35",
  37: "bank.37",
  39: "bank.39",
  45: "bank.45",
  48: "bank.48",
  50: "bank.50",
  54: "bank.54",
  64: "bank.64",
  71: "bank.71",
  81: "bank.81",
  88: "bank.88",
  89: "bank.89",
  90: "bank.90",
  92: "bank.92",
};

/** The bank's name, or its code if we do not know it. */
export function bankName(code) {
  const key = BANKS[String(code)];
  return key ? t(key) : String(code);
}

// Toss Payments names a payment's method in Korean, whatever language the customer reads.
const PAID_BY = {
  카드: "paidBy.card",
  간편결제: "paidBy.easyPay",
  가상계좌: "paidBy.account",
  계좌이체: "paidBy.transfer",
  휴대폰: "paidBy.phone",
  문화상품권: "paidBy.culture",
  도서문화상품권: "paidBy.book",
  게임문화상품권: "paidBy.game",
};

/** How it was paid, in the customer's language; the API's own word if we do not know it. */
export function methodName(method) {
  const key = PAID_BY[method];
  return key ? t(key) : method;
}

/** How many dishes there are in all. */
export function pieces(items) {
  return items.reduce((sum, item) => sum + item.quantity, 0);
}
