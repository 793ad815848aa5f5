"""A catalogue of 1,000 products in 12 categories, the same every time; their ids are 1 to 1,000."""

from decimal import Decimal
from random import Random

from django.db import connection, transaction

from shop.catalog.models import Category, Product

PRODUCTS = 1000
CATEGORIES = {
    "kitchen": ("Kitchen", ["Saucepan", "Chef's Knife", "Cutting Board", "Kettle", "Mixing Bowl", "Teapot"]),
    "garden": ("Garden", ["Trowel", "Watering Can", "Planter", "Pruning Shears", "Bird Feeder", "Hose Reel"]),
    "office": ("Office", ["Notebook", "Fountain Pen", "Desk Lamp", "Letter Tray", "Stapler", "Desk Pad"]),
    "toys": ("Toys", ["Train Set", "Puzzle", "Kite", "Building Blocks", "Spinning Top", "Doll's House"]),
    "sports": (
        "Sports",
        ["Yoga Mat", "Skipping Rope", "Dumbbell", "Football", "Badminton Set", "Water Bottle"],
    ),
    "outdoor": ("Outdoor", ["Tent", "Sleeping Bag", "Backpack", "Headlamp", "Camping Stove", "Hammock"]),
    "home": ("Home", ["Cushion", "Blanket", "Wall Clock", "Picture Frame", "Vase", "Candle Holder"]),
    "bath": ("Bath", ["Towel", "Soap Dish", "Bath Mat", "Shower Caddy", "Bathrobe", "Mirror"]),
    "tools": ("Tools", ["Hammer", "Screwdriver Set", "Spirit Level", "Pliers", "Tape Measure", "Hand Saw"]),
    "music": ("Music", ["Ukulele", "Harmonica", "Metronome", "Music Stand", "Tambourine", "Recorder"]),
    "travel": (
        "Travel",
        ["Suitcase", "Toiletry Bag", "Neck Pillow", "Passport Wallet", "Umbrella", "Tote Bag"],
    ),
    "pets": ("Pets", ["Dog Lead", "Cat Bed", "Scratching Post", "Food Bowl", "Grooming Brush", "Chew Toy"]),
}
SKIP_IDS = """
SELECT setval(sequence, greatest(nextval(sequence), %s))
FROM pg_get_serial_sequence('catalog_product', 'id') AS sequence
"""
STYLES = ["Nordic", "Classic", "Compact", "Sturdy", "Folding", "Vintage", "Slim", "Everyday", "Fine", "Grand"]
MATERIALS = ["Oak", "Steel", "Linen", "Copper", "Bamboo", "Canvas", "Cork", "Wool", "Walnut", "Glass"]
BLURBS = [
    "Made to be used every day, and to be handed on.",
    "A small batch from a family workshop.",
    "Repairable: every part can be ordered singly.",
    "Our customers' favourite for three years running.",
    "Packed without plastic, with a five-year guarantee.",
]


def seed() -> str:
    """Create what is missing; categories and products that are there stay as they are."""
    known = Product.objects.filter(id__lte=PRODUCTS).count()
    if known >= PRODUCTS:
        return f"{PRODUCTS} products, none of them new"
    with transaction.atomic():
        Category.objects.bulk_create(
            (Category(slug=slug, name=name) for slug, (name, _) in CATEGORIES.items()), ignore_conflicts=True
        )
        Product.objects.bulk_create(_products(), ignore_conflicts=True)
        _skip_ids()
    return f"{PRODUCTS} products in {len(CATEGORIES)} categories, {PRODUCTS - known} of them new"


def _products() -> list[Product]:
    random = Random(1729)  # noqa: S311 (the same catalogue every time is the point)
    shelves = list(CATEGORIES.items())
    products = []
    for number in range(1, PRODUCTS + 1):
        turn, shelf = divmod(number - 1, len(shelves))
        slug, (_, things) = shelves[shelf]
        thing = things[turn % len(things)]
        style = STYLES[turn // len(things) % len(STYLES)]
        material = MATERIALS[(turn // len(things) // len(STYLES) + number) % len(MATERIALS)]
        cents = random.randrange(3, 200) * 100 - random.choice([1, 5, 10, 50])
        products.append(
            Product(
                id=number,
                sku=f"{slug[:3].upper()}-{number:04d}",
                name=f"{style} {material} {thing}",
                description=f"{style} {thing.lower()} in {material.lower()}. {random.choice(BLURBS)}",
                price=Decimal(cents).scaleb(-2),
                category_id=slug,
            )
        )
    return products


def _skip_ids() -> None:
    with connection.cursor() as cursor:
        cursor.execute(SKIP_IDS, [PRODUCTS])
