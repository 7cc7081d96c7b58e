//! Expands rules into words.

use std::fmt::Write;

use super::calendar::Day;
use super::figures::{grouped, push_grouped, push_words};
use super::grammar::{ChoiceId, Node, PersonWord, Value, Who};
use super::names;
use super::scribe::Scribe;
use crate::rng::Rng;

impl Scribe {
    /// Appends one of the alternatives of a rule or an inline choice. `back`: marked verbs are a step further back.
    pub(super) fn expand_choice(&mut self, id: ChoiceId, back: bool, out: &mut String) {
        let n = self.grammar.alternatives(id).len();
        let index = self.draw(id, n);
        self.expand_alternative(id, index, back, out);
    }

    fn expand_alternative(&mut self, id: ChoiceId, index: usize, back: bool, out: &mut String) {
        // nodes are copied out, since expanding needs the scribe itself
        let mut i = 0;
        while let Some(&node) = self.grammar.alternatives(id)[index].get(i) {
            self.expand(node, back, out);
            i += 1;
        }
    }

    /// A step of a matter: one of its clauses, with names, numbers and circumstances that are always the same for this
    /// matter.
    fn expand_step(&mut self, id: ChoiceId, back: bool, out: &mut String) {
        let n = self.grammar.alternatives(id).len();
        let mut index = self.draw(id, n);
        // not twice in a paragraph, while there are others
        for _ in 0..n {
            if self.scene.told.contains(&(id, index)) {
                index = (index + 1) % n;
            }
        }
        self.scene.told.push((id, index));
        let seed = self.town.matters.get(self.scene.matter).map_or(0, |matter| matter.seed);
        let settled = Rng::new(seed ^ ((id as u64) << 20) ^ index as u64);
        let rng = std::mem::replace(&mut self.rng, settled);
        let was_settled = std::mem::replace(&mut self.is_settled, true);
        let bystander = self.town.matters.get(self.scene.matter).map_or(0, |matter| matter.bystander);
        let somebody = std::mem::replace(&mut self.scene.r, bystander);
        self.expand_alternative(id, index, back, out);
        self.scene.r = somebody;
        self.is_settled = was_settled;
        self.rng = rng;
    }

    /// Draws an alternative. All come up before any comes up again.
    fn draw(&mut self, id: ChoiceId, n: usize) -> usize {
        if n < 3 || self.is_settled {
            return self.rng.index(n);
        }
        let bag = &mut self.bags[id];
        // the last one stays as a reminder until the bag is filled again
        if bag.len() <= 1 {
            let last = bag.pop();
            bag.extend((0..n).map(|i| i as u16));
            self.rng.shuffle(bag);
            if bag.last() == last.as_ref() {
                bag.rotate_left(1);
            }
        }
        bag.pop().map_or(0, usize::from)
    }

    fn expand(&mut self, node: Node, back: bool, out: &mut String) {
        match node {
            Node::Text(text) => out.push_str(text),
            Node::Choice { id, back: further } => self.expand_choice(id, back || further, out),
            Node::Late { name, back: further } => {
                let id = self.late(name).and_then(|name| self.grammar.rule(&name));
                let outer = std::mem::replace(&mut self.is_of_matter, name.starts_with('@'));
                match id {
                    Some(id) if matches!(name, "@event" | "@past") => self.expand_step(id, back || further, out),
                    Some(id) => self.expand_choice(id, back || further, out),
                    None => {}
                }
                self.is_of_matter = outer;
            }
            Node::Verb { past, .. } if !back => out.push_str(past),
            Node::Verb { participle, .. } => {
                out.push_str("had ");
                out.push_str(participle);
            }
            Node::Person { who, word, possessive } => self.person(who, word, possessive, out),
            Node::Value(value) => self.value(value, out),
            Node::Number { low, high, digits } => {
                let n = self.rng.between(low, high);
                if digits || n > 99 { push_grouped(n, out) } else { push_words(n, out) }
            }
        }
    }

    /// Name of the rule that a late reference means.
    fn late(&mut self, name: &str) -> Option<String> {
        let (stem, about) = name.split_once('@')?;
        if !stem.is_empty() {
            return Some(match about {
                "trade" => format!("{stem}.{}", self.town.cast[self.scene.p].trade),
                "season" => format!("{stem}.{}", self.scene.day.season()),
                _ => return None,
            });
        }
        let kind = self.town.matters.get(self.scene.matter)?.kind;
        let step = self.scene.step;
        Some(match about {
            "event" => format!("{kind}.{step}"),
            "past" => format!("{kind}.{}", 1 + self.rng.index(step.saturating_sub(1).max(1))),
            "do" => format!("{kind}.{step}.do"),
            // name, pro, con, after, thing
            _ => format!("{kind}.{about}"),
        })
    }

    fn index_of(&self, who: Who) -> Option<usize> {
        let matter = self.town.matters.get(self.scene.matter);
        match who {
            Who::P => Some(self.scene.p),
            Who::Q => Some(self.scene.q),
            Who::R => Some(self.scene.r),
            Who::W => Some(self.scene.w),
            Who::A => matter.map(|matter| matter.champion),
            Who::B => matter.map(|matter| matter.opponent),
            Who::D => None,
        }
    }

    fn person(&mut self, who: Who, word: PersonWord, possessive: bool, out: &mut String) {
        let index = self.index_of(who);
        let person = match index {
            Some(index) => &self.town.cast[index],
            None => &self.scene.departed,
        };
        let woman = person.is_woman;
        match word {
            PersonWord::Full => out.push_str(&person.full()),
            PersonWord::First => out.push_str(&person.first),
            PersonWord::Last => out.push_str(&person.last),
            PersonWord::He => out.push_str(if woman { "she" } else { "he" }),
            PersonWord::Him => out.push_str(if woman { "her" } else { "him" }),
            PersonWord::His => out.push_str(if woman { "her" } else { "his" }),
            PersonWord::Himself => out.push_str(if woman { "herself" } else { "himself" }),
            PersonWord::Trade => out.push_str(person.trade),
            PersonWord::Mention => {
                let bit = index.map_or(0, |index| 1_u64 << index);
                let known = self.scene.introduced & bit != 0;
                self.scene.introduced |= bit;
                let form = match (known, person.trade) {
                    // Dr says it already
                    (false, "doctor") => self.rng.between(3, 4),
                    (false, _) => self.rng.below(5),
                    (true, _) => self.rng.below(4),
                };
                let _ = match (known, form) {
                    (true, 0) => write!(out, "the {}", person.trade),
                    (true, _) => out.write_str(&person.short()),
                    (false, 0) => write!(out, "{} the {}", person.full(), person.trade),
                    (false, 1) => write!(out, "the {} {}", person.trade, person.full()),
                    (false, 2) if !possessive => write!(out, "{}, the {},", person.formal(), person.trade),
                    (false, 3) if !possessive => write!(out, "{} of {}", person.formal(), person.home),
                    (false, _) => out.write_str(&person.formal()),
                };
            }
        }
    }

    fn value(&mut self, value: Value, out: &mut String) {
        let rng = &mut self.rng;
        let town = &self.town;
        let matter = town.matters.get(self.scene.matter);
        let day = self.scene.day;
        let _ = match value {
            Value::Thing => out.write_str(&self.scene.thing),
            Value::Kind => out.write_str(&self.scene.kind),
            Value::Town => out.write_str(&town.name),
            Value::River => out.write_str(town.river),
            Value::Hill => out.write_str(town.hill),
            Value::Paper => out.write_str(&town.paper),
            Value::Street => out.write_str(rng.pick(&town.streets)),
            Value::Inn => out.write_str(rng.pick(&town.inns)),
            Value::Village if self.is_of_matter => out.write_str(matter.map_or("", |matter| &matter.village)),
            Value::Village => {
                let index = rng.index(town.villages.len());
                out.write_str(town.villages.get(index).map_or("", String::as_str))
            }
            Value::Name => out.write_str(&names::anybody(rng)),
            Value::Man => write!(out, "{} {}", rng.pick(names::MEN), names::surname(rng)),
            Value::Woman => write!(out, "{} {}", rng.pick(names::WOMEN), names::surname(rng)),
            Value::Surname => out.write_str(&names::surname(rng)),
            Value::Farm => out.write_str(&names::farm(rng)),
            Value::Money => {
                let pounds = if rng.chance(75) { rng.between(2, 25) } else { rng.between(26, 120) };
                match rng.between(0, 19) {
                    0..=5 => write!(out, "{pounds} pounds"),
                    shillings => write!(out, "{pounds} pounds and {shillings} shillings"),
                }
            }
            Value::Pence => match rng.below(4) {
                0 => write!(out, "{} pence", rng.between(2, 11)),
                1 => write!(out, "{} shillings", rng.between(2, 19)),
                _ => write!(out, "{} shillings and {} pence", rng.between(2, 19), rng.between(2, 11)),
            },
            // a day on which people work
            Value::Weekday => out.write_str(&Day(rng.between(2, 7) as i64).weekday()),
            Value::Clock => {
                let hour = rng.between(1, 12);
                match rng.below(4) {
                    0 => out.write_str("half past "),
                    1 => out.write_str("a quarter past "),
                    2 => out.write_str("a quarter to "),
                    _ => Ok(()),
                }
                .map(|()| push_words(hour, out))
            }
            Value::Month => out.write_str(&day.month()),
            Value::Year => write!(out, "{}", day.year()),
            Value::LastYear => write!(out, "{}", day.year() - 1),
            Value::Ago => write!(out, "{}", day.year() - rng.between(6, 60) as i64),
            Value::Since => match matter {
                Some(matter) => write!(out, "{} {}", matter.days[0].month(), matter.days[0].year()),
                None => Ok(()),
            },
            Value::Sum => matter.map_or(Ok(()), |matter| write!(out, "{} pounds", grouped(matter.sum))),
            Value::Cost => matter.map_or(Ok(()), |matter| write!(out, "{} pounds", grouped(matter.cost))),
            Value::Firm => matter.map_or(Ok(()), |matter| out.write_str(&matter.firm)),
            Value::Site => matter.map_or(Ok(()), |matter| out.write_str(&matter.site)),
            Value::Vote => {
                let against = rng.between(1, 5);
                let votes = rng.between(against + 1, 11);
                push_words(votes, out);
                out.push_str(" votes to ");
                push_words(against, out);
                Ok(())
            }
        };
    }
}
