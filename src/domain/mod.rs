//! The vocabulary: commands, replies, events, devices and who asks for them.
//!
//! Everything here is data.  Both wire formats translate into these types, the hardware thread answers
//! in them, and nothing in this folder knows a socket, a line of a chip or a clock.

mod account;
mod alert;
mod command;
mod datum;
mod event;
mod fault;
mod interlock;
mod lease;
mod line;
mod link;
mod name;
mod part;
mod principal;
mod pwm;
mod refusal;
mod registry;
mod settings;
mod span;
mod spelling;
mod threshold;
mod threshold_order;

pub use account::{Account, DevicePattern, PatternError, Role, TopicPattern};
pub use alert::{Alert, AlertId, AlertNews, AlertTurn, Limit, Resolution, Severity};
pub use command::{Action, Argument, Arguments, Command, Order, Target};
pub use datum::Datum;
pub use event::{Audit, Deed, EdgeStamp, Event, Identity, Outcome, Reply, State, Who};
pub use fault::{Fault, FaultOrder, Trouble};
pub use interlock::Interlock;
pub use lease::{
    Bond, Holder, Lease, LeaseNews, LeaseNotice, LeaseOrder, LeaseToken, LeasedDevices, Loss, Scope, Tenancy,
};
pub use line::{Bias, LineAddress, LineRef, Polarity, Value};
pub use link::{Link, Scale, Sense};
pub use name::{CertificateName, ClientId, DeviceName, NameError, UserName};
pub use part::{PartAddress, Share};
pub use principal::{Principal, Protocol, Visitor};
pub use pwm::PwmAddress;
pub use refusal::{Code, Refusal};
pub use registry::{ActionSpec, Entry, Model, ParameterSpec, Registry};
pub use settings::{KindReader, Mistake, Mistakes, Settings, Wired};
pub(crate) use settings::{joined as join_path, unknown as unknown_name};
pub use span::{Span, SpanError};
pub use spelling::edit_distance;
pub use threshold::{Bounds, Keeping, Origin, Reaction, Standing, Threshold, ThresholdName};
pub use threshold_order::{Page, Reach, Selection, ThresholdOrder, ThresholdWish};
