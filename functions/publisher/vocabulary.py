"""Words of generated events; none needs escaping in JSON."""

from itertools import product
from string import ascii_letters, digits
from typing import Final

_COUNTRY_NAMES = """
Afghanistan, Åland Islands, Albania, Algeria, American Samoa, Andorra, Angola, Anguilla, Antarctica,
Antigua and Barbuda, Argentina, Armenia, Aruba, Australia, Austria, Azerbaijan, Bahamas, Bahrain,
Bangladesh, Barbados, Belarus, Belgium, Belize, Benin, Bermuda, Bhutan, Bolivia, Bonaire,
Bosnia and Herzegovina, Botswana, Bouvet Island, Brazil, British Indian Ocean Territory, Brunei,
Bulgaria, Burkina Faso, Burundi, Cabo Verde, Cambodia, Cameroon, Canada, Cayman Islands,
Central African Republic, Chad, Chile, China, Christmas Island, Cocos Islands, Colombia, Comoros,
Congo, Cook Islands, Costa Rica, Côte d'Ivoire, Croatia, Cuba, Curaçao, Cyprus, Czechia,
Democratic Republic of the Congo, Denmark, Djibouti, Dominica, Dominican Republic, Ecuador, Egypt,
El Salvador, Equatorial Guinea, Eritrea, Estonia, Eswatini, Ethiopia, Falkland Islands,
Faroe Islands, Fiji, Finland, France, French Guiana, French Polynesia,
French Southern Territories, Gabon, Gambia, Georgia, Germany, Ghana, Gibraltar, Greece, Greenland,
Grenada, Guadeloupe, Guam, Guatemala, Guernsey, Guinea, Guinea-Bissau, Guyana, Haiti,
Heard Island and McDonald Islands, Honduras, Hong Kong, Hungary, Iceland, India, Indonesia, Iran,
Iraq, Ireland, Isle of Man, Israel, Italy, Jamaica, Japan, Jersey, Jordan, Kazakhstan, Kenya,
Kiribati, Kuwait, Kyrgyzstan, Laos, Latvia, Lebanon, Lesotho, Liberia, Libya, Liechtenstein,
Lithuania, Luxembourg, Macao, Madagascar, Malawi, Malaysia, Maldives, Mali, Malta,
Marshall Islands, Martinique, Mauritania, Mauritius, Mayotte, Mexico, Micronesia, Moldova, Monaco,
Mongolia, Montenegro, Montserrat, Morocco, Mozambique, Myanmar, Namibia, Nauru, Nepal,
Netherlands, New Caledonia, New Zealand, Nicaragua, Niger, Nigeria, Niue, Norfolk Island,
North Korea, North Macedonia, Northern Mariana Islands, Norway, Oman, Pakistan, Palau, Palestine,
Panama, Papua New Guinea, Paraguay, Peru, Philippines, Pitcairn, Poland, Portugal, Puerto Rico,
Qatar, Réunion, Romania, Russia, Rwanda, Saint Barthélemy, Saint Helena, Saint Kitts and Nevis,
Saint Lucia, Saint Martin, Saint Pierre and Miquelon, Saint Vincent and the Grenadines, Samoa,
San Marino, São Tomé and Príncipe, Saudi Arabia, Senegal, Serbia, Seychelles, Sierra Leone,
Singapore, Sint Maarten, Slovakia, Slovenia, Solomon Islands, Somalia, South Africa,
South Georgia and the South Sandwich Islands, South Korea, South Sudan, Spain, Sri Lanka, Sudan,
Suriname, Svalbard and Jan Mayen, Sweden, Switzerland, Syria, Taiwan, Tajikistan, Tanzania,
Thailand, Timor-Leste, Togo, Tokelau, Tonga, Trinidad and Tobago, Tunisia, Turkey, Turkmenistan,
Turks and Caicos Islands, Tuvalu, Uganda, Ukraine, United Arab Emirates, United Kingdom,
United States, United States Minor Outlying Islands, Uruguay, Uzbekistan, Vanuatu, Vatican City,
Venezuela, Vietnam, Virgin Islands (British), Virgin Islands (U.S.), Wallis and Futuna,
Western Sahara, Yemen, Zambia, Zimbabwe
"""
_FIRST_NAMES = """
Ada Adam Alice Amir Ana Anton Aya Ben Bianca Carla Chen Clara Daniel Diego Dmytro Elena Emma Farid
Fatima Felix Grace Hana Hugo Ines Ivan Jana Jonas Julia Kaito Kateryna Lars Leila Liam Lucia Malik
Maria Mateo Mia Nadia Noah Olena Omar Paula Priya Rafael Rosa Samir Sara Sofia Taras Tomas Uma
Valentina Viktor Wei Yara Yusuf Zoe
"""
_LAST_NAMES = """
Abebe Andersen Bauer Bianchi Bondarenko Brown Castro Chaudhary Cohen Costa Diaz Dubois Eriksson
Fernandez Fischer Garcia Haddad Hansen Horvat Ito Ivanenko Jansen Johnson Kim Kovalenko Kowalski
Kumar Larsen Lopez Martin Melnyk Mensah Moreau Murphy Nakamura Nguyen Novak Okafor Oliveira Patel
Petrenko Popescu Rahman Rossi Sato Schmidt Sharma Shevchenko Silva Smith Tanaka Tran Walker Wang
Weber Wilson Yilmaz Zhang
"""
_ITEMS = """
Sneakers, Backpack, Headphones, Desk Lamp, Water Bottle, Phone Case, Hoodie, Sunglasses, Yoga Mat,
Keyboard, Coffee Mug, Notebook, Lipstick, Wrist Watch, Scented Candle, Board Game, Ring Light,
Travel Pillow, Skateboard, Bluetooth Speaker
"""
_SYLLABLES = tuple(map("".join, product("bdfghklmnprstvz", "aeiou")))

COUNTRIES: Final = tuple(name.strip() for name in _COUNTRY_NAMES.split(","))
NAMES: Final = tuple(map(" ".join, product(_FIRST_NAMES.split(), _LAST_NAMES.split())))
ITEMS: Final = tuple(name.strip() for name in _ITEMS.split(","))
CITY_ENDINGS: Final = tuple(map("".join, product(_SYLLABLES, _SYLLABLES)))
"""Two of them make a city: more than thirty million, so that repeats are rare."""
CITY_BEGINNINGS: Final = tuple(map(str.capitalize, CITY_ENDINGS))
ALPHANUMERICS: Final = tuple(ascii_letters + digits)
PAIRS: Final = tuple(map("".join, product(ALPHANUMERICS, ALPHANUMERICS)))
