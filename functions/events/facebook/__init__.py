"""Facebook events: their types and choices, contract, decoded shapes, rows and examples."""

from typing import Literal

TopType = Literal["ad.view", "page.like", "comment", "video.view"]
BottomType = Literal["ad.click", "form.submission", "checkout.complete"]

Gender = Literal["male", "female", "non-binary"]
Referrer = Literal["newsfeed", "marketplace", "groups"]
ClickPosition = Literal["top_left", "bottom_right", "center"]
Device = Literal["mobile", "desktop"]
Browser = Literal["Chrome", "Firefox", "Safari"]
