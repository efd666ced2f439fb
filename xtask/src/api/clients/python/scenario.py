"""An order is placed, paid and shipped, by the client that is made from the document."""

import os

from omniflow_client import Client
from omniflow_client.api.orders import cancel_order, pay_order, place_order, read_order
from omniflow_client.models import NewOrder, Order, OrderWithDetails, PaymentReport, Problem, ReasonGiven

client = Client(base_url=os.environ["OMNIFLOW_URL"], timeout=60)

placed = place_order.sync(client=client, body=NewOrder(amount=500, items=["iPhone 15"]))
assert isinstance(placed, Order), placed
assert placed.state == "awaiting_payment", placed
assert placed.amount_minor == 50_000, placed

paid = pay_order.sync(placed.order_id, client=client, body=PaymentReport())
assert isinstance(paid, Order), paid
assert paid.payment_status == "paid", paid

state, version = paid.state, paid.version
while state != "completed":
    known = f'"{version}"'
    read = read_order.sync(placed.order_id, client=client, if_none_match=known, prefer="wait=20")
    assert isinstance(read, OrderWithDetails), f"{state}, and nothing happens: {read}"
    state, version = read.state, read.version

refused = cancel_order.sync(placed.order_id, client=client, body=ReasonGiven())
assert isinstance(refused, Problem), refused
assert refused.code == "action_not_allowed", refused
print("scenario A: completed")
