//! The grammar of the invented papers: rules, and what their alternatives are made of.

use std::collections::HashMap;

/// Index of a rule or of an inline choice.
pub(super) type ChoiceId = usize;

/// A piece of an alternative.
#[derive(Debug, Clone, Copy)]
pub(super) enum Node {
    /// Text as it is.
    Text(&'static str),
    /// One of several, chosen anew each time.
    Choice { id: ChoiceId, back: bool },
    /// A rule whose name is known only when it is used.
    Late { name: &'static str, back: bool },
    /// A verb: simple past, and the participle for the past before it.
    Verb { past: &'static str, participle: &'static str },
    /// A person.
    Person { who: Who, word: PersonWord, possessive: bool },
    /// A value.
    Value(Value),
    /// A number.
    Number { low: u64, high: u64, digits: bool },
}

/// Roles in a paragraph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// The person whom the paragraph is about.
    P,
    /// The other one in it.
    Q,
    /// Somebody who is named in passing, another one in each sentence.
    R,
    /// The champion of the matter spoken of.
    A,
    /// Its opponent.
    B,
    /// Somebody who has died or left.
    D,
    /// Who writes.
    W,
}

/// How a person is spoken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PersonWord {
    /// By name: in full at first, shorter later.
    Mention,
    /// First and last name.
    Full,
    /// First name.
    First,
    /// Last name.
    Last,
    /// he, she.
    He,
    /// him, her.
    Him,
    /// his, her.
    His,
    /// himself, herself.
    Himself,
    /// The trade, without an article.
    Trade,
}

/// Things other than persons that are filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// `$T`: the thing that the paragraph is about.
    Thing,
    /// `$K`: a second one.
    Kind,
    /// `$town`, and so on: what belongs to the town.
    Town,
    /// `$river`.
    River,
    /// `$hill`.
    Hill,
    /// `$paper`: the newspaper.
    Paper,
    /// `$street`: one of the town's streets.
    Street,
    /// `$inn`: one of its inns.
    Inn,
    /// `$village`: one of the villages around.
    Village,
    /// `$name`: somebody never heard of before.
    Name,
    /// `$man`, `$woman` likewise.
    Man,
    /// A woman.
    Woman,
    /// `$surname`.
    Surname,
    /// `$farm`: a farm likewise.
    Farm,
    /// `$money`: some pounds and shillings.
    Money,
    /// `$pence`: less than a pound.
    Pence,
    /// `$weekday`.
    Weekday,
    /// `$clock`: a time of day.
    Clock,
    /// `$month`, `$year`: of the paper's date.
    Month,
    /// The year.
    Year,
    /// `$lastyear`.
    LastYear,
    /// `$ago`: some earlier year.
    Ago,
    /// `$since`: month and year in which the matter began.
    Since,
    /// `$sum`: what the matter was said to cost.
    Sum,
    /// `$cost`: what it cost in the end.
    Cost,
    /// `$firm`: a firm from elsewhere.
    Firm,
    /// `$site`: where it is.
    Site,
    /// `$vote`: `seven votes to two`.
    Vote,
}

/// All rules.
#[derive(Debug)]
pub(super) struct Grammar {
    /// By name.
    pub(super) rules: HashMap<&'static str, ChoiceId>,
    /// Alternatives of the rules and of the choices inside them.
    pub(super) choices: Vec<Vec<Vec<Node>>>,
}

impl Grammar {
    /// The rule of a name.
    pub(super) fn rule(&self, name: &str) -> Option<ChoiceId> {
        self.rules.get(name).copied()
    }

    /// The alternatives of a rule or an inline choice.
    pub(super) fn alternatives(&self, id: ChoiceId) -> &[Vec<Node>] {
        &self.choices[id]
    }

    /// Number of rules and inline choices.
    pub(super) fn len(&self) -> usize {
        self.choices.len()
    }
}
