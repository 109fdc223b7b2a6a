//! Lists: nodes that are listpacks, or elements too long for one (from version 10 on); before that ziplists and plain elements.

use super::decoder::Decoder;
use super::encoder::Encoder;
use super::error::Flaw;
use super::input::Input;
use super::length;
use super::tag::{Type, node};
use super::ziplist;
use crate::list::End;
use crate::{List, Listpack, StrRef};

/// Longer elements that are alone in their node are written without a listpack, as Redis does from 7.2 on.
const PLAIN_ABOVE: usize = 8192;

impl<I: Input> Decoder<I> {
    /// A list of one of the four types of lists.
    pub(super) fn list(&mut self, kind: Type) -> Result<List, Flaw> {
        if kind == Type::List {
            return self.plain_list();
        }
        let count = if kind == Type::ListZiplist {
            1
        } else {
            self.count()?
        };
        let mut nodes = Vec::new();
        for _ in 0..count {
            nodes.push(match kind {
                Type::ListListpacks => self.list_node()?,
                _ => self.ziplist()?,
            });
        }
        List::from_nodes(nodes, &self.limits).ok_or(Flaw::Empty)
    }

    fn plain_list(&mut self) -> Result<List, Flaw> {
        let (mut list, limits) = (List::default(), self.limits);
        for _ in 0..self.count()? {
            list.push(End::Right, self.text()?, &limits);
        }
        Ok(list)
    }

    fn list_node(&mut self) -> Result<Listpack, Flaw> {
        match length::read_plain(&mut self.input)? {
            node::PACKED => self.listpack(),
            node::PLAIN => match self.text()? {
                [] => Err(Flaw::Damaged("an empty node of a list")),
                element => Ok([element].into_iter().collect()),
            },
            _ => Err(Flaw::Damaged("a node of a list of an unknown kind")),
        }
    }

    /// A string that is a listpack.
    pub(super) fn listpack(&mut self) -> Result<Listpack, Flaw> {
        Listpack::from_bytes(self.text()?).ok_or(Flaw::Damaged("a listpack that is damaged"))
    }

    /// A string that is a ziplist.
    pub(super) fn ziplist(&mut self) -> Result<Listpack, Flaw> {
        ziplist::to_listpack(self.text()?).ok_or(Flaw::Damaged("a ziplist that is damaged"))
    }
}

impl Encoder {
    /// Writes a list.
    pub(super) fn list(&mut self, list: &List, out: &mut Vec<u8>) {
        let nodes = list.nodes();
        length::write(nodes.len() as u64, out);
        for pack in nodes {
            match alone(pack) {
                Some(element) => {
                    length::write(node::PLAIN, out);
                    self.bytes(element, out);
                }
                None => {
                    length::write(node::PACKED, out);
                    self.bytes(pack.as_bytes(), out);
                }
            }
        }
    }
}

/// The element of a node that holds nothing else and is long.
pub(super) fn alone(pack: &Listpack) -> Option<&[u8]> {
    let (StrRef::Bytes(element), 1) = (pack.get(pack.first()?), pack.len()) else {
        return None;
    };
    (element.len() > PLAIN_ABOVE).then_some(element)
}
