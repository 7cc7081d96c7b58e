//! The elements that have begun and not ended.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::elements::{Display, Implied, SCOPES, is_table_part};

/// Most elements that are remembered; browsers do not nest deeper either.
pub(super) const DEPTH: usize = 512;

/// The bytes of a name that count; no known name is longer.
type Name = [u8; 16];

/// Open elements, outermost first.
#[derive(Debug, Default)]
pub(super) struct OpenElements {
    open: Vec<Open>,
    /// How many of them have a name.
    named: HashMap<Name, usize>,
    /// How many were not remembered within the innermost of them. Only names of those that are remembered count, since
    /// the end tags of others end nothing.
    excess: HashMap<Name, usize>,
    lists: usize,
    verbatim: usize,
}

/// An element that has begun.
#[derive(Debug)]
struct Open {
    name: Name,
    display: Display,
    /// The number of the next item, if this is an ordered list.
    next: Option<u64>,
}

impl OpenElements {
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// How many lists are open.
    pub fn lists(&self) -> usize {
        self.lists
    }

    /// Whether lines and spaces are to be kept.
    pub fn is_verbatim(&self) -> bool {
        self.verbatim > 0
    }

    /// An element begins for which there is no room.
    pub fn exceed(&mut self, name: &[u8]) {
        if self.has(name) {
            *self.excess.entry(short(name)).or_default() += 1;
        }
    }

    /// Whether an end tag of this name ends an element for which there was no room; that is forgotten.
    pub fn end_excess(&mut self, name: &[u8]) -> bool {
        let Some(count) = self.excess.get_mut(&short(name)).filter(|count| **count > 0) else { return false };
        *count -= 1;
        true
    }

    /// An element begins.
    pub fn push(&mut self, name: &[u8], display: Display) {
        self.lists += usize::from(display == Display::List);
        self.verbatim += usize::from(display == Display::Verbatim);
        *self.named.entry(short(name)).or_default() += 1;
        let next = (name == b"ol").then_some(1);
        self.open.push(Open { name: short(name), display, next });
    }

    /// The innermost element ends.
    pub fn pop(&mut self) -> Option<Display> {
        let Open { name, display, .. } = self.open.pop()?;
        self.excess.clear();
        self.lists -= usize::from(display == Display::List);
        self.verbatim -= usize::from(display == Display::Verbatim);
        if let Entry::Occupied(mut entry) = self.named.entry(name) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
        Some(display)
    }

    /// Whether the element at `depth` ends only with its tag, or that of another around it.
    pub fn may_swallow(&self, depth: usize) -> bool {
        self.open.get(depth).is_some_and(|open| open.display.may_swallow() && open.name != short(b"p"))
    }

    /// The name of the element at `depth`, as far as it is remembered.
    pub fn name(&self, depth: usize) -> Option<String> {
        let name = &self.open.get(depth)?.name;
        let length = name.iter().position(|&b| b == 0).unwrap_or(name.len());
        Some(String::from_utf8_lossy(&name[..length]).into_owned())
    }

    /// Whether the element at `depth` has this name.
    pub fn is(&self, depth: usize, name: &[u8]) -> bool {
        self.open.get(depth).is_some_and(|open| open.name == short(name))
    }

    /// Whether an element of this name is open.
    pub fn has(&self, name: &[u8]) -> bool {
        self.named.contains_key(&short(name))
    }

    /// Whether one of the elements from `depth` on has this name.
    pub fn has_from(&self, depth: usize, name: &[u8]) -> bool {
        let name = short(name);
        self.open.iter().skip(depth).any(|open| open.name == name)
    }

    /// The depth of the element that an end tag of this name ends.
    pub fn ended_by(&self, name: &[u8]) -> Option<usize> {
        let through = is_table_part(name);
        let barriers: &[&[u8]] = if through { &[] } else { &SCOPES };
        self.innermost(&Implied { ended: &[name], barriers })
    }

    /// The depth of the innermost element that is ended, unless a barrier is around what comes next.
    pub fn innermost(&self, implied: &Implied<'_>) -> Option<usize> {
        if !implied.ended.iter().any(|name| self.has(name)) {
            return None;
        }
        let ended: Vec<Name> = implied.ended.iter().map(|name| short(name)).collect();
        let barriers: Vec<Name> = implied.barriers.iter().map(|name| short(name)).collect();
        let at = self.open.iter().rposition(|open| ended.contains(&open.name) || barriers.contains(&open.name))?;
        ended.contains(&self.open[at].name).then_some(at)
    }

    /// Numbers the items of the innermost element, an ordered list.
    pub fn number_from(&mut self, first: u64) {
        if let Some(list) = self.open.last_mut().filter(|list| list.next.is_some()) {
            list.next = Some(first);
        }
    }

    /// The number of the item that begins, if the innermost list has numbers.
    pub fn number(&mut self) -> Option<u64> {
        if self.lists == 0 {
            return None;
        }
        let list = self.open.iter_mut().rev().find(|open| open.display == Display::List)?;
        let number = list.next?;
        list.next = Some(number.saturating_add(1));
        Some(number)
    }
}

/// A name in a fixed space.
fn short(name: &[u8]) -> Name {
    let mut short = Name::default();
    let length = name.len().min(short.len());
    short[..length].copy_from_slice(&name[..length]);
    short
}
