"""Discord's limits, in code points, inclusive, counted after trimming.

https://discord.com/developers/docs/resources/message#embed-object-embed-limits; the unit is code points
(discord-api-docs 1315), so len() is right.
"""

TITLE_CHARS = 256
DESCRIPTION_CHARS = 4096
FIELDS = 25
FIELD_NAME_CHARS = 256
FIELD_VALUE_CHARS = 1024
FOOTER_CHARS = 2048
EMBEDS = 10
MESSAGE_CHARS = 6000
"""Of all embeds of a message together."""
CONTENT_CHARS = 2000
URL_CHARS = 2048
BUTTON_URL_CHARS = 512
BUTTON_LABEL_CHARS = 80
BUTTONS = 5
"""In a row."""
THREAD_NAME_CHARS = 100
APPLIED_TAGS = 5
EMPTY = "\u200b"
"""For a field that must not be empty: it shows as nothing."""
