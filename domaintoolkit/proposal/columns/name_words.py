"""Words in the names of columns, in several languages: hints for what a column holds, never a proof."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise

__all__ = ["COUNTS", "has_word", "means", "plain_name", "words_of"]

_WORDS = {
    "person": (
        "user customer client cust member person people patient driver rider visitor subscriber passenger student "
        "employee player household buyer shopper borrower worker citizen author reviewer panelist respondent "
        "cardholder kunde kunden kundennr nutzer benutzer mitglied fahrer besucher teilnehmer schueler haushalt "
        "cliente clientes usuario miembro paciente conductor alumno utilisateur membre patiente abonne acheteur "
        "adherent utente paziente abbonato usuaria klant gebruiker lid klient uzytkownik kund anvandare bruger "
        "asiakas musteri kullanici kunder nameorig sender payer uid userid custid customerid clientid memberid "
        "patientid driverid subject mrn ffp ffn loyalty policyholder insured claimant beneficiary guest traveller "
        "traveler tenant resident learner gamer viewer donor holder msisdn imsi subscriberid visitorid household_key "
        "fullvisitorid cookie клиент "
        "пользователь 会員 顧客 客户 用户 会员 고객 회원"
    ),
    "thing": (
        "account card device machine vehicle car truck bike taxi cab ship vessel imei ip sensor meter case ticket "
        "loan policy contract phone handset terminal konto karte karten geraet maschine fahrzeug fall vertrag "
        "zaehler cuenta tarjeta dispositivo maquina vehiculo caso contrato compte carte appareil cas contrat "
        "conto carta macchina iban pan rekening kaart apparaat stay admission caseid record tail tailnum plant "
        "turbine engine unit tracking shipment parcel consignment container eui awb accountid "
        "cardid deviceid nr_karty cc aircraft registration"
    ),
    "surname": ("last surname lastname nachname apellido apellidos cognome familienname"),
    "given": ("first firstname firstinitial forename vorname initial prenom nome nombre given"),
    "item": (
        "product item article sku stock stockcode asin isbn movie song track video book ad campaign banner "
        "creative artikel produkt ware producto articulo produit prodotto articolo film content page url app "
        "channel category brand department aisle class merchant vendor shop store station city country region "
        "area state zip pin postcode plz type status location ort stadt land pais ciudad pays ville negozio "
        "tienda magasin branch filiale haendler comercio host server activity action event code name description "
        "text title operator carrier airline airport origin dest destination constructor team circuit parameter "
        "product_id bezeichnung beschreibung descripcion libelle descrizione currency waehrung moneda devise os "
        "browser fare diagnosis procedure provider physician adjuster queue topic cause coverage 商品 品名 产品 상품"
    ),
    "session": (
        "session visit basket invoice order transaction trip receipt cart bill sale ticket bon beleg rechnung "
        "bestellung sitzung warenkorb besuch fahrt factura pedido sesion visita cesta compra facture commande "
        "panier seance fattura ordine sessione carrello trx txn transaktion invoiceno orderid sessionid basketid "
        "tripid visitid pnr booking reservation itinerary claim encounter episode flight ride journey call"
    ),
    "time": (
        "time timestamp date datetime day dt ts at when clock epoch moment zeit datum zeitpunkt zeitstempel tag "
        "uhrzeit fecha hora tiempo dia momento heure temps jour horodatage horodate ora tempo giorno tijd "
        "tijdstip czas data tid dato aika paiva tarih saat created started occurred eventtime utc дата время 日付 "
        "日時 時刻 日期 时间 날짜 시간"
    ),
    "calendar": (
        "year ano month week weekday quarter dow doy hour season yr jahr monat woche wochentag mes semana annee "
        "mois semaine mese settimana week_no weekend"
    ),
    "late": (
        "dropoff stop stopped end updated modified edited posted attributed closed ended finish finished expiry "
        "expires due delivered paid shipped arrival arrived processed loaded inserted ingested aktualisiert "
        "geaendert buchung valuta gebucht actualizado modificado birth born geburtstag geburtsdatum nacimiento "
        "naissance nascita dob registered signup valid until posting reg"
    ),
    "clock": ("time hour clock zeit uhrzeit uhr stunde hora heure ora tijd godzina hhmm saat tid"),
    "offset": (
        "minute minutes offset elapsed since relative second seconds secs hours days day week step tick minuten "
        "sekunden stunden tage minuto minutos segundos horas dias jour jours heures"
    ),
    "elapsed": "timeframe timedelta timeoffset elapsed uptime offset runtime",
    "generic": (
        "value val valuenum result reading measurement measure obs observation wert messwert ergebnis valor resultado "
        "valeur resultat valore risultato waarde metric"
    ),
    "label": (
        "label target fraud churn churned attributed converted conversion outcome default defaulted clicked "
        "response mortality death died deceased expire click readmitted betrug fraude abandono kuendigung gekuendigt "
        "readmit readmission rehospitalized isfraud isattributed frode is_fraud fraudulent y purchased_flag bad_loan"
    ),
    "quantity": (
        "amount price cost value total sum quantity qty count number_of num_of age duration length distance "
        "weight height size score rate ratio percent pct speed temperature temp volume balance income salary "
        "discount tax fee tip points laps minutes seconds hours days delay elapsed miles km lat latitude lng lon "
        "longitude altitude betrag preis kosten wert summe menge anzahl alter dauer laenge entfernung gewicht "
        "groesse umsatz rabatt importe precio coste valor cantidad edad duracion distancia peso monto montant "
        "prix cout valeur quantite duree prezzo importo quantita eta durata bedrag prijs aantal kwota cena ilosc "
        "belopp pris antal bytes mb kb gb usage sales revenue profit margin asset spend units pieces stueck stk "
        "sec secs mins hrs milliseconds ms grid rank position level time_taken airtime humidity pressure voltage "
        "current power energy flow load cpu memory calls sms data_mb disc turnover сумма цена количество 金額 価格 "
        "数量 金额 价格 금액 가격 수량"
    ),
    "code": (
        "id code type class kind category status key no nr num number zip pin postcode plz flag mode group nummer "
        "kennung schluessel art gruppe codigo numero tipo clase grupo clef cle groupe codice classe gruppo os app "
        "channel device store shop station branch month weekday hour dow version mcc cell tower state subclass "
        "icd drg cpt hcpcs npi ndc loinc atc naics sic upc ean gtin "
        "terminal pos aisle department brand family sku uuid guid year flight"
    ),
    "prose": (
        "description text comment title message note notes memo remark remarks subject body review narrative "
        "narration beschreibung verwendungszweck kommentar bemerkung betreff descripcion comentario concepto "
        "libelle commentaire descrizione commento causale details purpose reference"
    ),
    "sequence": (
        "line seq sequence position index step event rank place pos lineno line_no row number order zeile "
        "positionsnr linea ligne riga nth add_to_cart_order order_number position_in"
    ),
}

KINDS = {kind: frozenset(text.split()) for kind, text in _WORDS.items()}
"""The words of each kind."""


_ALL = frozenset().union(*KINDS.values())

COUNTS = frozenset(("n", "num", "nb", "anz", "cnt", "count", "anzahl"))
"""Words beside the name of a thing that say that a column counts such things."""

ENDS = (
    "duration amount distance number price count value total name code type date time year cost key id nr no"
).split()
"""Words that others are written together with."""


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """The words of a column's name, without accents and in small letters: `UserID` is `user` and `id`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name.replace("ß", "ss"))
    for letter, plain in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("Ä", "ae"), ("Ö", "oe"), ("Ü", "ue")):
        spaced = spaced.replace(letter, plain)
    bare = "".join(each for each in unicodedata.normalize("NFKD", spaced) if not unicodedata.combining(each))
    return tuple(part for word in re.findall(r"[^\W\d_]+", bare.lower()) for part in _parts(word))


def _parts(word: str) -> tuple[str, ...]:
    """A word that is made of two: `itemid`, `tripduration`."""
    if word in _ALL:
        return (word,)
    for end in ENDS:
        head = word.removesuffix(end)
        is_clear = len(end) > 4 or (end in ("time", "date") and len(head) > 3)
        if head != word and len(head) > 2 and (head in _ALL or is_clear):
            return head, end
    return (word,)


@lru_cache(maxsize=16384)
def has_word(name: str, kind: str) -> bool:
    """True if a name has a word of this kind, or is one when it is written without spaces."""
    own = words_of(name)
    known = KINDS[kind]
    if any(_is_known(word, known) for word in own) or "".join(own) in known or "_".join(own) in known:
        return True
    # two words that are known as one, such as `order id`
    if any(f"{first}{second}" in known for first, second in pairwise(own)):
        return True
    # words of these scripts stand together without spaces
    return not name.isascii() and any(word in name for word in known if ord(word[0]) > 0x2E80)


def _is_known(word: str, known: frozenset[str]) -> bool:
    return word in known or (len(word) > 3 and word.rstrip("s") in known)


GENERIC = frozenset(
    ("id ids n no nr num number key code uid uuid guid nummer kennung numero codigo cle codice the of fk").split()
)
"""Words that say that a name names something, but not what."""


def means(name: str, kind: str) -> bool:
    """True if the last word of a name that says what it names is of this kind: `user_session` is a session."""
    own = words_of(name)
    telling = [word for word in own if word not in GENERIC] or list(own)
    whole = "".join(own)
    if whole in KINDS[kind] or "_".join(own) in KINDS[kind]:
        return True
    return bool(telling) and (
        telling[-1] in KINDS[kind] or (len(telling[-1]) > 3 and telling[-1].rstrip("s") in KINDS[kind])
    )


def plain_name(header: str, place: int) -> str:
    """A header as the name of a column: as it is if it is a plain name, otherwise in small letters with `_`."""
    if re.fullmatch(r"[^\W\d]\w*", header):
        return header
    made = re.sub(r"[\W_]+", "_", header.strip().replace("%", " percent ").replace("#", " no ")).strip("_").lower()
    if not made:
        return f"column_{place + 1}"
    return made if not made[0].isdigit() else f"c_{made}"
