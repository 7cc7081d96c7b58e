//! Lists of invented names.

use crate::rng::Rng;

/// First names of men.
pub(super) const MEN: &[&str] = &[
    "Josiah",
    "Abel",
    "Thomas",
    "Enoch",
    "Silas",
    "Walter",
    "Henry",
    "Samuel",
    "Reuben",
    "Matthew",
    "Jonas",
    "Amos",
    "Edwin",
    "George",
    "Caleb",
    "Isaac",
    "Nathaniel",
    "Hugh",
    "Martin",
    "Ralph",
    "Simeon",
    "Tobias",
    "Edmund",
    "Luke",
    "Arthur",
    "Giles",
    "Robert",
    "Daniel",
    "Philip",
    "Ambrose",
    "Stephen",
    "Laurence",
    "Miles",
    "Adam",
    "Gilbert",
    "Francis",
    "Roger",
    "Elias",
    "Andrew",
    "Charles",
    "Joel",
    "Barnaby",
    "Alfred",
    "Mark",
    "Oliver",
    "Humphrey",
    "Titus",
    "Vincent",
    "Jasper",
    "Rowland",
    "Ezra",
    "Leonard",
    "Gabriel",
    "Herbert",
    "Noah",
    "Clement",
    "Ned",
    "Peter",
    "Wilfred",
    "Jethro",
];

/// First names of women.
pub(super) const WOMEN: &[&str] = &[
    "Hannah",
    "Martha",
    "Ellen",
    "Ruth",
    "Agnes",
    "Susannah",
    "Margaret",
    "Lydia",
    "Phoebe",
    "Alice",
    "Dorcas",
    "Jane",
    "Harriet",
    "Esther",
    "Winifred",
    "Mary",
    "Rachel",
    "Emily",
    "Judith",
    "Sarah",
    "Charlotte",
    "Priscilla",
    "Edith",
    "Frances",
    "Rebecca",
    "Mabel",
    "Catherine",
    "Louisa",
    "Grace",
    "Tabitha",
    "Rose",
    "Eleanor",
    "Clara",
    "Bridget",
    "Constance",
    "Deborah",
    "Mercy",
    "Flora",
    "Caroline",
    "Amelia",
    "Sophia",
    "Beatrice",
    "Honor",
    "Maud",
    "Naomi",
    "Patience",
    "Cecily",
    "Joan",
    "Isabel",
    "Prudence",
];

/// Last names of the cast.
pub(super) const LAST: &[&str] = &[
    "Pell", "Orme", "Thorne", "Vance", "Harrow", "Quill", "Marlow", "Tranter", "Fenner", "Ludd", "Brock", "Sayle",
    "Garland", "Yarrow", "Penrose", "Holt", "Dunnock", "Carver", "Mundy", "Skerry", "Tallis", "Wragg", "Ostler",
    "Flint", "Rudge", "Haslam", "Loveday", "Nettle", "Jessop", "Kemble", "Crane", "Babbage", "Tull", "Winter", "Amery",
    "Sorrel", "Pike", "Gower", "Leland", "Maddox", "Hebden", "Fairlie", "Crouch", "Stagg", "Vickery", "Dray", "Alder",
    "Truscott", "Inman", "Bellamy", "Cotter", "Lacey", "Purdy", "Roper", "Swann", "Teague", "Unwin", "Whitlock", "Yeo",
    "Arkle", "Bunting", "Chalk", "Dowsett", "Elvin", "Frayne", "Goss", "Hurrell", "Ivory", "Jolly", "Kitto", "Larkin",
    "Moxon", "Nunn", "Oakes", "Parfitt", "Quaife", "Rivett", "Snell", "Thrale", "Udall", "Varley", "Wix", "Yelland",
    "Bray", "Cope", "Dibble", "Eames", "Furze", "Gale", "Hoad", "Isham", "Judd", "Kersey", "Lunn", "Meech", "Noakes",
    "Odgers", "Peake", "Rooke", "Spurr",
];

/// First halves of compound names.
pub(super) const LAST_BEGIN: &[&str] = &[
    "Ash", "Barn", "Black", "Bram", "Brod", "Burn", "Chad", "Clay", "Cold", "Crab", "Crom", "Dal", "Dray", "Dun",
    "East", "Ed", "Farn", "Fen", "Gar", "Good", "Green", "Had", "Ham", "Hart", "Hazel", "Hel", "High", "Hol", "Kirk",
    "Lamb", "Lang", "Lin", "Long", "Mal", "Mar", "Mid", "Nether", "New", "Nor", "Oat", "Old", "Pem", "Pen", "Rad",
    "Rams", "Red", "Ros", "Row", "Sel", "Shel", "Sker", "Stan", "Stock", "Sut", "Thorn", "Til", "Ux", "Wad", "Wal",
    "War", "Wen", "West", "Whit", "Wil", "Win", "Wood", "Wy", "Yal",
];

/// Second halves.
pub(super) const LAST_END: &[&str] = &[
    "bourne", "bridge", "bury", "by", "combe", "cott", "croft", "den", "dyke", "field", "ford", "gate", "grave", "ham",
    "hurst", "land", "ley", "low", "man", "mere", "more", "ridge", "shaw", "stead", "ton", "wade", "wain", "wall",
    "ward", "water", "well", "wick", "win", "wood", "worth",
];

const FARM_BEGIN: &[&str] = &[
    "Lower", "Upper", "Old", "New", "East", "West", "North", "South", "Great", "Little", "Far", "Hither", "Long",
    "Nether",
];

const FARM_MIDDLE: &[&str] = &[
    "Withy", "Bramble", "Rook", "Stone", "Marl", "Pigeon", "Clover", "Otter", "Thistle", "Cuckoo", "Flax", "Gorse",
    "Heron", "Ivy", "Kestrel", "Linnet", "Mallow", "Nettle", "Oat", "Plover", "Quarry", "Rush", "Saffron", "Teasel",
    "Vetch", "Willow", "Yew", "Badger", "Cherry", "Dove", "Elder", "Fox",
];

const FARM_END: &[&str] =
    &["Farm", "Barton", "Grange", "Cottages", "Croft", "Lodge", "Bottom", "Piece", "Hall", "Holt", "Meadow", "Warren"];

/// A last name that is not in a list.
pub(super) fn surname(rng: &mut Rng) -> String {
    let (begin, end) = (rng.pick(LAST_BEGIN), rng.pick(LAST_END));
    // no letter three times
    if begin.as_bytes().last() == end.as_bytes().first() { format!("{begin}e{end}") } else { format!("{begin}{end}") }
}

/// First and last name of somebody.
pub(super) fn anybody(rng: &mut Rng) -> String {
    let first = if rng.chance(60) { rng.pick(MEN) } else { rng.pick(WOMEN) };
    format!("{first} {}", surname(rng))
}

/// Name of a farm.
pub(super) fn farm(rng: &mut Rng) -> String {
    format!("{} {} {}", rng.pick(FARM_BEGIN), rng.pick(FARM_MIDDLE), rng.pick(FARM_END))
}

const PLACE_BEGIN: &[&str] = &[
    "Alder", "Ames", "Beck", "Birch", "Bur", "Calver", "Copple", "Darn", "Eller", "Farring", "Gars", "Hather", "Ing",
    "Kel", "Lam", "Mardle", "Netting", "Over", "Pickle", "Quen", "Ravens", "Sal", "Tadding", "Ul", "Vane", "Whaddle",
    "Yarn",
];

const PLACE_END: &[&str] = &[
    "beck", "bridge", "bury", "by", "cliffe", "combe", "dale", "ford", "holme", "ley", "mouth", "stoke", "thorpe",
    "ton", "wick",
];

/// Name of a town or village.
pub(super) fn settlement(rng: &mut Rng) -> String {
    format!("{}{}", rng.pick(PLACE_BEGIN), rng.pick(PLACE_END))
}

/// Rivers.
pub(super) const RIVERS: &[&str] =
    &["Arrow", "Brede", "Carrow", "Dorn", "Evel", "Garr", "Isk", "Lode", "Merrow", "Nar", "Ock", "Severel"];

/// Hills.
pub(super) const HILLS: &[&str] = &[
    "Beacon Hill",
    "Gallows Down",
    "Kite Hill",
    "Long Tor",
    "Maiden Down",
    "Mere Edge",
    "Pen Hill",
    "Raven Crag",
    "Sheep Hill",
    "Signal Hill",
    "Warden Edge",
    "Windle Down",
];

/// Streets.
pub(super) const STREETS: &[&str] = &[
    "Mill Lane",
    "Fore Street",
    "Tanner's Row",
    "Chapel Hill",
    "Bridge Street",
    "Fish Lane",
    "Castle Street",
    "Dark Entry",
    "Goose Green",
    "Market Place",
    "Water Lane",
    "Pound Street",
    "Cross Street",
    "Rope Walk",
    "Vicarage Road",
    "Silver Street",
    "Barton Steps",
    "Quay Street",
    "Hangman's Lane",
    "Orchard Row",
    "St Ann's Hill",
    "Butter Cross",
    "Brewhouse Yard",
    "Love Lane",
    "Church Walk",
    "Gas Street",
    "Lime Kiln Road",
    "Maltings Yard",
    "Nag's Alley",
    "Well Street",
];

/// Inns.
pub(super) const INNS: &[&str] = &[
    "Black Swan",
    "Plough",
    "Three Tuns",
    "White Hart",
    "Wheatsheaf",
    "Bell",
    "Fox and Grapes",
    "Anchor",
    "Woolpack",
    "Red Lion",
    "Mermaid",
    "Ship Aground",
    "Barley Mow",
    "Jolly Tanner",
    "Seven Stars",
    "Royal Oak",
];

/// Newspapers, without the town.
pub(super) const NEWSPAPERS: &[&str] = &["Observer", "Gazette", "Chronicle", "Mercury", "Advertiser", "Intelligencer"];

/// What firms from elsewhere call themselves after their names.
pub(super) const FIRM_ENDS: &[&str] = &["and Sons", "and Company", "and Nephew", "Brothers", "and Partners"];
