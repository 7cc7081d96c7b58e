//! A town: its places, its people, and the matters that occupy it over the years.

use super::calendar::Day;
use super::names;
use super::people::{OFFICES, Person, TRADES};
use crate::rng::Rng;

/// Steps in the story of a matter, from its beginning to its end.
pub(super) const STEPS: usize = 7;

/// What can occupy a town. The grammar has the rules `NAME.1` to `NAME.7` for each, and some more.
pub(super) const MATTERS: [&str; 14] = [
    "bridge", "mill", "school", "flood", "common", "railway", "water", "quarry", "clock", "fire", "silver", "library",
    "bank", "lamps",
];

/// People of the cast who write letters, diaries and day-books. They are not written about.
pub(super) const WRITERS: usize = 6;

/// People of the cast who are written about.
pub(super) const PLAYERS: usize = OFFICES.len() + 24;

/// A matter and its course.
#[derive(Debug, Clone)]
pub(super) struct Matter {
    /// One of [`MATTERS`].
    pub(super) kind: &'static str,
    /// Who is for it, as an index into the cast.
    pub(super) champion: usize,
    /// Who is against it.
    pub(super) opponent: usize,
    /// Who is named in its story besides.
    pub(super) bystander: usize,
    /// What settles the circumstances of its steps.
    pub(super) seed: u64,
    /// When each step happens.
    pub(super) days: [Day; STEPS],
    /// How many steps have been told as news.
    pub(super) told: usize,
    /// What it is said to cost, in pounds.
    pub(super) sum: u64,
    /// What it costs.
    pub(super) cost: u64,
    /// The firm that has the work.
    pub(super) firm: String,
    /// Where it is.
    pub(super) site: String,
    /// The village that has to do with it.
    pub(super) village: String,
}

impl Matter {
    /// Steps that have happened by a day.
    pub(super) fn step(&self, day: Day) -> usize {
        self.days.iter().filter(|&&d| d <= day).count()
    }

    /// Whether it has begun and not yet ended.
    pub(super) fn is_open(&self, day: Day) -> bool {
        (1..STEPS).contains(&self.step(day))
    }
}

/// A town and its course through the years.
#[derive(Debug, Clone)]
pub(super) struct Town {
    /// Its name.
    pub(super) name: String,
    /// Its river.
    pub(super) river: &'static str,
    /// The hill above it.
    pub(super) hill: &'static str,
    /// Its newspaper, with the article.
    pub(super) paper: String,
    /// Its streets.
    pub(super) streets: Vec<&'static str>,
    /// Its inns.
    pub(super) inns: Vec<&'static str>,
    /// Villages around.
    pub(super) villages: Vec<String>,
    /// [`PLAYERS`] people, the holders of offices first, and then [`WRITERS`].
    pub(super) cast: Vec<Person>,
    /// By their beginning.
    pub(super) matters: Vec<Matter>,
    /// Last names that nobody has yet.
    spare_names: Vec<&'static str>,
    /// When somebody leaves the cast next.
    next_change: Day,
}

impl Town {
    /// A town whose papers begin on a day and go on for `n_days`.
    pub(super) fn new(rng: &mut Rng, first: Day, n_days: i64) -> Self {
        let name = names::settlement(rng);
        let streets = some_of(rng, names::STREETS, 14);
        let mut villages: Vec<String> = Vec::new();
        while villages.len() < 7 {
            let village = names::settlement(rng);
            if village != name && !villages.contains(&village) {
                villages.push(village);
            }
        }
        let mut spare_names = some_of(rng, names::LAST, names::LAST.len());
        let trades = some_of(rng, &TRADES.map(Some), PLAYERS - OFFICES.len() + WRITERS);
        let cast = OFFICES
            .into_iter()
            .chain(trades.into_iter().flatten())
            .map(|trade| {
                let home = home(rng, &streets);
                let last = spare_names.pop().map_or_else(|| names::surname(rng), str::to_owned);
                Person::new(rng, trade, home, last)
            })
            .collect();
        let mut town = Self {
            paper: format!("{name} {}", rng.pick(names::NEWSPAPERS)),
            name,
            river: rng.pick(names::RIVERS),
            hill: rng.pick(names::HILLS),
            inns: some_of(rng, names::INNS, 4),
            streets,
            villages,
            cast,
            matters: Vec::new(),
            spare_names,
            next_change: first,
        };
        town.plan_change(rng, first);
        town.plan_matters(rng, first, n_days);
        town
    }

    /// Three or four matters at a time; each is over before the papers end.
    fn plan_matters(&mut self, rng: &mut Rng, first: Day, n_days: i64) {
        let kinds = some_of(rng, &MATTERS, MATTERS.len());
        let n = (n_days / 500).clamp(3, kinds.len() as i64);
        let n_days = n_days as u64;
        for (i, kind) in (0..n as u64).zip(kinds) {
            let length = rng.between(900, 1900).min(n_days * 4 / 5).max(STEPS as u64);
            let latest = n_days.saturating_sub(length);
            // evenly, with some disorder; the first ones at once
            let start = if n > 1 { i * latest / (n as u64 - 1) } else { 0 };
            let start = (start + rng.below(1 + latest / (2 * n as u64))).min(latest);
            let step = length / STEPS as u64;
            let mut day = 0;
            let days = std::array::from_fn(|k| {
                day = k as u64 * step + rng.below(1 + step / 2);
                Day(first.0 + (start + if k == 0 { 0 } else { day }) as i64)
            });
            let people: Vec<usize> = (0..PLAYERS).collect();
            let people = some_of(rng, &people, 3);
            let [champion, opponent, bystander] = std::array::from_fn(|i| people.get(i).copied().unwrap_or(i));
            let sum = rng.between(18, 160) * 10;
            self.matters.push(Matter {
                kind,
                champion,
                opponent,
                bystander,
                seed: rng.next(),
                days,
                told: 0,
                sum,
                cost: sum + sum * rng.between(3, 22) / 100 + rng.below(9),
                firm: format!(
                    "{} {} of {}",
                    names::surname(rng),
                    rng.pick(names::FIRM_ENDS),
                    rng.pick(&as_strs(&self.villages))
                ),
                site: rng.pick(&self.streets).to_owned(),
                village: rng.pick(&as_strs(&self.villages)).to_owned(),
            });
        }
        self.matters.sort_by_key(|matter| matter.days[0]);
    }

    fn plan_change(&mut self, rng: &mut Rng, day: Day) {
        self.next_change = Day(day.0 + rng.between(250, 600) as i64);
    }

    /// Lets somebody go if it is time, and somebody else of the same trade come. Returns the index and who went.
    pub(super) fn change(&mut self, rng: &mut Rng, day: Day) -> Option<(usize, Person)> {
        if day < self.next_change {
            return None;
        }
        self.plan_change(rng, day);
        let index = rng.index(PLAYERS);
        // a matter keeps its people from the first mention to the last
        let is_needed = |m: &Matter| [m.champion, m.opponent, m.bystander].contains(&index);
        if self.matters.iter().any(is_needed) {
            return None;
        }
        let trade = OFFICES.into_iter().chain(TRADES).find(|trade| trade.name == self.cast[index].trade)?;
        let home = home(rng, &self.streets);
        let last = self.spare_names.pop().map_or_else(|| names::surname(rng), str::to_owned);
        let new = Person::new(rng, trade, home, last);
        Some((index, std::mem::replace(&mut self.cast[index], new)))
    }
}

/// Some items in random order.
pub(super) fn some_of<T: Copy>(rng: &mut Rng, items: &[T], n: usize) -> Vec<T> {
    let mut items = items.to_vec();
    rng.shuffle(&mut items);
    items.truncate(n);
    items
}

fn as_strs(strings: &[String]) -> Vec<&str> {
    strings.iter().map(String::as_str).collect()
}

fn home(rng: &mut Rng, streets: &[&str]) -> String {
    if rng.chance(75) { rng.pick(streets).to_owned() } else { names::farm(rng) }
}
