//! Townspeople.

use super::names;
use crate::rng::Rng;

/// Somebody who lives in the town.
#[derive(Debug, Clone, Default)]
pub(super) struct Person {
    /// First name.
    pub(super) first: String,
    /// Last name.
    pub(super) last: String,
    /// Mr, Mrs, Miss, Dr.
    pub(super) title: &'static str,
    /// Whether she is a woman.
    pub(super) is_woman: bool,
    /// What this person lives by; the grammar has a rule for what each trade does.
    pub(super) trade: &'static str,
    /// Street, or farm.
    pub(super) home: String,
}

impl Person {
    /// A person of a trade.
    pub(super) fn new(rng: &mut Rng, trade: Trade, home: String, last: String) -> Self {
        let is_woman = match trade.who {
            Sex::Man => false,
            Sex::Woman => true,
            Sex::Either => rng.chance(30),
        };
        let title = match (trade.name, is_woman) {
            ("doctor", _) => "Dr",
            (_, false) => "Mr",
            (_, true) if rng.chance(60) => "Mrs",
            (_, true) => "Miss",
        };
        let first = rng.pick(if is_woman { names::WOMEN } else { names::MEN }).to_owned();
        Self { first, last, title, is_woman, trade: trade.name, home }
    }

    /// First and last name.
    pub(super) fn full(&self) -> String {
        format!("{} {}", self.first, self.last)
    }

    /// Title and last name.
    pub(super) fn short(&self) -> String {
        format!("{} {}", self.title, self.last)
    }

    /// Title, first and last name.
    pub(super) fn formal(&self) -> String {
        format!("{} {} {}", self.title, self.first, self.last)
    }
}

/// Who follows a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sex {
    /// Only men.
    Man,
    /// Only women.
    Woman,
    /// Both.
    Either,
}

/// A trade. `act.NAME` in the grammar says what its people do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trade {
    /// Its name, without an article.
    pub(super) name: &'static str,
    who: Sex,
}

const fn man(name: &'static str) -> Trade {
    Trade { name, who: Sex::Man }
}

const fn woman(name: &'static str) -> Trade {
    Trade { name, who: Sex::Woman }
}

const fn either(name: &'static str) -> Trade {
    Trade { name, who: Sex::Either }
}

/// Trades that hold an office: they speak in the council, and do not change places with others.
pub(super) const OFFICES: [Trade; 6] =
    [man("doctor"), man("vicar"), man("schoolmaster"), man("surveyor"), man("town clerk"), man("constable")];

/// The other trades.
pub(super) const TRADES: [Trade; 36] = [
    man("cooper"),
    man("blacksmith"),
    either("baker"),
    man("carpenter"),
    man("mason"),
    man("wheelwright"),
    man("saddler"),
    man("rope-maker"),
    man("tanner"),
    man("miller"),
    man("carrier"),
    man("ferryman"),
    man("shepherd"),
    man("gamekeeper"),
    man("fisherman"),
    man("clockmaker"),
    man("thatcher"),
    man("plumber"),
    man("butcher"),
    man("brewer"),
    either("innkeeper"),
    either("draper"),
    either("grocer"),
    either("weaver"),
    woman("dressmaker"),
    woman("midwife"),
    woman("laundress"),
    woman("schoolmistress"),
    either("beekeeper"),
    man("gardener"),
    man("organist"),
    man("printer"),
    man("shoemaker"),
    man("potter"),
    man("lawyer"),
    man("farmer"),
];
