//! Intake, mirror, flows, holds, dispatch: knows traits, never vendors.
