//! What a flow may ask for: the actions and connections there are, as the engine knows them.

use super::path::Path;
use stagewire_model::Effect;

/// One action of a connector, as far as a flow needs to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionInfo {
    /// Who notices it.
    pub effect: Effect,
    /// Whether a person decides on each one, always.
    pub hold_always: bool,
    /// Whether it only reads; then it feeds later steps and is no effect.
    pub reads: bool,
    /// Whether a model sees what is passed; then proxies of protected data are barred.
    pub ai: bool,
    /// Keys of `with` that must be there.
    pub required: Vec<String>,
    /// Keys of `with` that may be there.
    pub optional: Vec<String>,
}

/// The actions and connections a flow can name.
pub trait Catalog {
    /// The action of this full name: `chat.message.post`.
    fn action(&self, name: &str) -> Option<ActionInfo>;
    /// All full names.
    fn actions(&self) -> Vec<String>;
    /// The connector behind a connection.
    fn connector_of(&self, connection: &str) -> Option<String>;
    /// All connections.
    fn connections(&self) -> Vec<String>;
    /// Why a path is not there though it could be: what the source connection (none = any) keeps leaves it out. The sentence,
    /// and what to do.
    fn left_out(&self, _connection: Option<&str>, _path: &Path) -> Option<(String, String)> {
        None
    }
}
