"""Meta's standard events (Meta Pixel, Reference, Standard Events), by their types here."""

from collections.abc import Mapping
from typing import Final

TYPES: Final[Mapping[str, str]] = {
    "AddPaymentInfo": "payment.info",
    "AddToCart": "cart.add",
    "AddToWishlist": "wishlist.add",
    "CompleteRegistration": "registration.complete",
    "Contact": "contact",
    "CustomizeProduct": "product.customize",
    "Donate": "donation",
    "FindLocation": "location.find",
    "InitiateCheckout": "checkout.start",
    "Lead": "form.submission",
    "PageView": "page.view",
    "Purchase": "checkout.complete",
    "Schedule": "appointment",
    "Search": "search",
    "StartTrial": "trial.start",
    "SubmitApplication": "application.submit",
    "Subscribe": "subscribe",
    "ViewContent": "content.view",
}
