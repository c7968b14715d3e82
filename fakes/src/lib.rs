//! Fake vendors, written from each vendor's facts and from nothing in connectors/.
