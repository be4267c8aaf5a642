"""Gives a new product some history, so that requests about orders, jobs and cancels find some. Prints what there is as JSON.

Usage: prepare.py API SIMULATOR MASTER_TOKEN SIMULATOR_KEY
"""

import base64
import json
import sys
import time
import urllib.request

api, simulator, master, simulator_key = sys.argv[1:]
bearer = {"Authorization": f"Bearer {master}"}


def ask(method, url, body=None, headers=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | (headers or {})
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def order(radishes):
    items = [{"productId": "old-whole", "quantity": 2}, {"productId": "radish", "quantity": radishes}]
    cart = {"storeId": "chicken-yeonnam", "items": items}
    amount = ask("POST", f"{api}/v1/quotes", cart)["amount"]
    customer = {"name": "손님", "phone": "01012345678"}
    where = {"address": "서울 마포구 와우산로 1"}
    return ask("POST", f"{api}/v1/orders", cart | {"amount": amount, "customer": customer, "delivery": where})


def pay(made):
    basic = base64.b64encode(f"{simulator_key}:".encode()).decode()
    payment = {"orderId": made["orderId"], "orderName": "통닭", "amount": made["amount"], "method": "CARD"}
    key = ask("POST", f"{simulator}/_sim/payments", payment, {"Authorization": f"Basic {basic}"})["paymentKey"]
    token = {"Authorization": f"Bearer {made['accessToken']}"}
    address = f"{api}/v1/orders/{made['orderId']}"
    ask("POST", f"{address}/confirm", {"paymentKey": key, "amount": made["amount"]}, token)
    for _ in range(100):
        if ask("GET", address, headers=token)["status"] == "paid":
            return
        time.sleep(0.1)
    raise SystemExit(f"{made['orderId']} is not paid")


orders = [order(radishes) for radishes in range(1, 7)]
for made in orders[:4]:
    pay(made)
paid = orders[0]["orderId"]
cancel = ask(
    "POST",
    f"{api}/v1/orders/{paid}/cancels",
    {"reason": "품절", "amount": 1000},
    bearer | {"Idempotency-Key": "prepared"},
)
jobs = [job["jobId"] for job in ask("GET", f"{api}/v1/jobs", headers=bearer)["data"]]
run = ask("POST", f"{api}/v1/bulk-runs", {"action": "look_up", "reason": "준비", "jobIds": jobs[:2]}, bearer)
print(
    json.dumps(
        {
            "orderId": [made["orderId"] for made in orders],
            "jobId": jobs,
            "cancelId": [cancel["cancelId"]],
            "runId": [run["runId"]],
            "storeId": ["chicken-yeonnam"],
            "productId": ["radish"],
            "customer": {"order": orders[-1]["orderId"], "token": orders[-1]["accessToken"]},
        }
    )
)
