"""Posts one alert to a web address of the operator's."""

import aiohttp

POST_SECONDS = 10.0
LONGEST_REASON = 200  # characters of what went wrong


async def post_alert(url: str, body: dict[str, object]) -> str:
    """POST *body* as JSON; "" when it was taken (2xx), else what went wrong. A redirect is not followed."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=POST_SECONDS)) as session,
            session.post(url, json=body, allow_redirects=False) as answer,
        ):
            return "" if answer.status < 300 else f"it was answered {answer.status}"
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        return (str(error) or type(error).__name__)[:LONGEST_REASON]
