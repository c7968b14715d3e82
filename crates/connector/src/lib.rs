//! Manifests: what a vendor is, as data. Loads, checks and interprets them; never does I/O itself, reads no clock, and knows no
//! vendor by name.

mod act;
pub mod auth;
pub mod conformance;
mod enter;
pub mod http;
mod intake;
pub mod keep;
mod lacking;
pub mod limits;
mod load;
pub mod mac;
mod manifest;
mod mapping;
mod outcome;
mod paging;
mod path;
mod problem;
mod protect;
mod receive;
mod settings;
pub mod sign;
mod soap;
mod stream;
mod subscription;
mod template;
mod verify;
mod write;
mod xml;

pub use auth::{Auth, AuthError, ConsentAsk, Introspected, Rules, Token};
pub use http::{MaybeSent, NotSent, Request, Response, SendError, Transport};
pub use intake::IntakeSpec;
pub use keep::{Holding, Keep};
pub use lacking::Lacking;
pub use limits::{Learned, LimitSpec, PerKey, Window};
pub use load::{Connector, FILES};
pub use mapping::Mapped;
pub use outcome::{Outcome, Turn};
pub use paging::{Scan, ScanError};
pub use problem::Problem;
pub use protect::{Cut, Unreadable};
pub use settings::{Field, Settings};
pub use stream::{Ask, Gone, ReadBy, ReadPlan, Since, Stream};
pub use subscription::{FoundHook, HookCall, HookValues, SecretFrom, Subscription};
pub use verify::{Headers, Proof, Verdict};
pub use write::{
    Action, Compared, Escape, Found, Lookup, OnceSpec, PrepareError, RenderError, RenderInput,
    Rendered, StoredRequest, WithKey,
};
