"""The stack that Stratus replaces, as one would write it: FastAPI, uvicorn with one worker, python-jose.

The key set is fetched once and kept; each call's token is verified (signature, expiry, issuer, client, scope); the
upstream is asked over one pooled httpx client. With WEATHER_CACHE_SECONDS > 0 the upstream's answer is kept that long.
"""

import os
import time

import httpx
from fastapi import Depends, FastAPI, HTTPException, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from jose import JWTError, jwt

ISSUER = os.environ["COGNITO_ISSUER"]
CLIENTS = set(os.environ["COGNITO_APP_CLIENT_ID"].split(","))
SCOPE = "test/weatherforcastapi"
WEATHER_URL = f"{os.environ['OPEN_WEATHER_DOMAIN']}/{os.environ['OPEN_WEATHER_API_VERSION']}/weather"
WEATHER_PARAMETERS = {
    "lat": os.environ["COORD_LATITUDE"],
    "lon": os.environ["COORD_LONGITUDE"],
    "appid": os.environ["OPEN_WEATHER_API_KEY"],
}
CACHE_SECONDS = float(os.environ.get("WEATHER_CACHE_SECONDS", "0"))

app = FastAPI()
bearer = HTTPBearer()
http = httpx.AsyncClient(timeout=10)
keys = httpx.get(f"{ISSUER}/.well-known/jwks.json").json()
cached = None


def authorized(credentials: HTTPAuthorizationCredentials = Depends(bearer)):  # noqa: B008  # FastAPI's own idiom
    try:
        claims = jwt.decode(credentials.credentials, keys, algorithms=["RS256"], issuer=ISSUER, options={"verify_aud": False})
    except JWTError as error:
        raise HTTPException(401, "invalid token") from error
    if claims.get("token_use") != "access" or claims.get("client_id") not in CLIENTS:
        raise HTTPException(401, "invalid token")
    if SCOPE not in claims.get("scope", "").split():
        raise HTTPException(403, "insufficient scope")


@app.get("/health")
async def health():
    return {"status": "ok"}


@app.get("/api/v1/get-today-weather", dependencies=[Depends(authorized)])
async def get_today_weather():
    global cached
    if cached and time.monotonic() < cached[0]:
        return Response(cached[1], media_type="application/json")
    reply = await http.get(WEATHER_URL, params=WEATHER_PARAMETERS)
    if reply.status_code == 200 and CACHE_SECONDS > 0:
        cached = (time.monotonic() + CACHE_SECONDS, reply.content)
    return Response(reply.content, reply.status_code, media_type="application/json")
