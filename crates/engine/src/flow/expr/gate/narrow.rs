//! A part of a condition on its own, with only the slots and literals it uses.

use super::{Node, Parts};

/// The node with only the slots and literals it uses, numbered anew.
pub(in crate::flow::expr) fn narrow(node: &Node, parts: &Parts) -> (Node, Parts) {
    let mut node = node.clone();
    let mut own = Parts::default();
    let mut slots = Vec::new();
    let mut literals = Vec::new();
    renumber(&mut node, &mut slots, &mut literals);
    own.slots = slots
        .iter()
        .filter_map(|slot| parts.slots.get(*slot).cloned())
        .collect();
    own.literals = literals
        .iter()
        .filter_map(|literal| parts.literals.get(*literal).cloned())
        .collect();
    (node, own)
}

fn renumber(node: &mut Node, slots: &mut Vec<usize>, literals: &mut Vec<usize>) {
    fn number(known: &mut Vec<usize>, old: &mut usize) {
        *old = match known.iter().position(|other| other == old) {
            Some(new) => new,
            None => {
                known.push(*old);
                known.len() - 1
            }
        };
    }
    match node {
        Node::Literal(literal) => number(literals, literal),
        Node::Slot { slot } | Node::Defined { slot } => number(slots, slot),
        Node::Not(inner) => renumber(inner, slots, literals),
        Node::All(nodes) | Node::Any(nodes) => {
            for node in nodes {
                renumber(node, slots, literals);
            }
        }
        Node::Equal(a, b) | Node::Below(a, b) | Node::AtMost(a, b) | Node::In(a, b) => {
            renumber(a, slots, literals);
            renumber(b, slots, literals);
        }
        Node::If(parts) => {
            for node in parts.iter_mut() {
                renumber(node, slots, literals);
            }
        }
        Node::Default {
            value, otherwise, ..
        } => {
            renumber(value, slots, literals);
            renumber(otherwise, slots, literals);
        }
        Node::Filter { on, args, .. } => {
            renumber(on, slots, literals);
            for node in args {
                renumber(node, slots, literals);
            }
        }
    }
}
