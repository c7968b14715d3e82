//! What arrives, at the engine: deliveries that prove little, tokens that come twice, acts told in several deliveries; and the webhooks we
//! make at the vendor ourselves.

mod hooks;
mod thin;
mod world;
