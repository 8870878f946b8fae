"""TikTok's standard events (Events API 2.0, Supported Standard Events), by their types here."""

from collections.abc import Mapping
from typing import Final

TYPES: Final[Mapping[str, str]] = {
    "AddPaymentInfo": "payment.info",
    "AddToCart": "cart.add",
    "AddToWishlist": "wishlist.add",
    "ClickButton": "button.click",
    "CompletePayment": "purchase",  # the name that Purchase had before
    "CompleteRegistration": "registration.complete",
    "Contact": "contact",
    "CustomizeProduct": "product.customize",
    "Download": "download",
    "FindLocation": "location.find",
    "InitiateCheckout": "checkout.start",
    "PageView": "page.view",
    "Pageview": "page.view",
    "PlaceAnOrder": "order.place",
    "Purchase": "purchase",
    "Schedule": "appointment",
    "Search": "search",
    "StartTrial": "trial.start",
    "SubmitApplication": "application.submit",
    "Subscribe": "subscribe",
    "ViewContent": "content.view",
}
