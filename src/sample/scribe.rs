//! Writes sentences about the people and matters at hand, and never the same sentence twice.

use std::collections::HashSet;

use super::calendar::Day;
use super::grammar::{ChoiceId, Grammar};
use super::people::Person;
use super::polish::{polish, sentences};
use super::town::{PLAYERS, Town};
use crate::rng::Rng;

/// Attempts at a sentence that was not written yet, before the rule is given up.
const ATTEMPTS: u32 = 40;

/// What is being written about.
#[derive(Debug, Clone, Default)]
pub(super) struct Scene {
    /// Date of the paper.
    pub(super) day: Day,
    /// Indices into the cast, see [`Who`](super::grammar::Who).
    pub(super) p: usize,
    /// The other one.
    pub(super) q: usize,
    /// In passing.
    pub(super) r: usize,
    /// The writer.
    pub(super) w: usize,
    /// Who has gone.
    pub(super) departed: Person,
    /// Index of the matter.
    pub(super) matter: usize,
    /// Its step, from 1.
    pub(super) step: usize,
    /// The thing, see [`Value::Thing`](super::grammar::Value::Thing).
    pub(super) thing: String,
    /// A second one.
    pub(super) kind: String,
    /// Who has been named in full in this paper, one bit for each of the cast.
    pub(super) introduced: u64,
    /// Clauses of steps that this paragraph has used.
    pub(super) told: Vec<(ChoiceId, usize)>,
}

/// Writes sentences.
#[derive(Debug)]
pub(super) struct Scribe {
    /// The rules.
    pub(super) grammar: Grammar,
    /// For each choice the alternatives that wait for their turn, so that they come up evenly.
    pub(super) bags: Vec<Vec<u16>>,
    /// All that is random.
    pub(super) rng: Rng,
    /// Whether `rng` is that of a step of a matter, so that the same words must come out each time.
    pub(super) is_settled: bool,
    /// Whether the words are about the matter, and not about the world around it.
    pub(super) is_of_matter: bool,
    /// Hashes of the sentences written so far.
    seen: HashSet<u64>,
    /// What is written about.
    pub(super) town: Town,
    /// What is written about just now.
    pub(super) scene: Scene,
}

impl Scribe {
    /// A scribe in a town.
    pub(super) fn new(grammar: Grammar, rng: Rng, town: Town) -> Self {
        let bags = vec![Vec::new(); grammar.len()];
        Self {
            grammar,
            bags,
            rng,
            is_settled: false,
            is_of_matter: false,
            seen: HashSet::new(),
            town,
            scene: Scene::default(),
        }
    }

    /// Begins a paper of a date: everybody is to be introduced again.
    pub(super) fn begin_paper(&mut self, day: Day) {
        self.scene.day = day;
        self.scene.introduced = 0;
    }

    /// Chooses two people for a paragraph, and a thing that `topic` is about.
    pub(super) fn begin_topic(&mut self, topic: &str) {
        self.scene.p = self.rng.index(PLAYERS);
        self.scene.q = (self.scene.p + 1 + self.rng.index(PLAYERS - 1)) % PLAYERS;
        self.scene.thing = self.phrase(&format!("{topic}.thing"));
        self.scene.kind = self.phrase(&format!("{topic}.kind"));
    }

    /// A phrase that need not be new; empty if there is no such rule.
    pub(super) fn phrase(&mut self, rule: &str) -> String {
        let mut raw = String::new();
        if let Some(id) = self.grammar.rule(rule) {
            self.expand_choice(id, false, &mut raw);
        }
        raw
    }

    /// A phrase that begins with a capital.
    pub(super) fn title(&mut self, rule: &str) -> String {
        polish(&self.phrase(rule))
    }

    /// Whether there is such a rule.
    pub(super) fn knows(&self, rule: &str) -> bool {
        self.grammar.rule(rule).is_some()
    }

    /// One sentence, or a few, none of which was written before. `None` if the rule does not exist or has nothing new
    /// to say.
    pub(super) fn sentence(&mut self, rule: &str) -> Option<String> {
        let id = self.grammar.rule(rule)?;
        let (introduced, told) = (self.scene.introduced, self.scene.told.len());
        for _ in 0..ATTEMPTS {
            self.scene.introduced = introduced;
            self.scene.told.truncate(told);
            self.scene.r = self.somebody_else();
            let mut raw = String::new();
            self.expand_choice(id, false, &mut raw);
            let text = polish(&raw);
            let hashes: Vec<u64> = sentences(&text).map(hash).collect();
            if hashes.iter().all(|hash| !self.seen.contains(hash)) {
                self.seen.extend(hashes);
                return Some(text);
            }
        }
        self.scene.introduced = introduced;
        self.scene.told.truncate(told);
        None
    }

    /// Begins a paragraph about a matter.
    pub(super) fn begin_matter(&mut self, matter: usize, step: usize) {
        self.scene.matter = matter;
        self.scene.step = step;
        self.scene.told.clear();
    }

    /// Somebody who has no other role at the moment.
    fn somebody_else(&mut self) -> usize {
        let matter = self.town.matters.get(self.scene.matter);
        let (a, b, c) = matter.map_or((0, 0, 0), |matter| (matter.champion, matter.opponent, matter.bystander));
        let taken = [self.scene.p, self.scene.q, a, b, c];
        loop {
            let index = self.rng.index(PLAYERS);
            if !taken.contains(&index) {
                return index;
            }
        }
    }
}

/// FNV-1a: the same on every platform and in every version.
fn hash(sentence: &str) -> u64 {
    sentence
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
