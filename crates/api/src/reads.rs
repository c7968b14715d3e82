//! What can be read: a page of each list, and single things with what belongs to them.

pub(crate) mod connections;
pub(crate) mod flows;
pub(crate) mod lists;
pub(crate) mod records;
pub(crate) mod single;
pub(crate) mod timeline;

use crate::Api;
use utoipa_axum::router::OpenApiRouter;

/// Every route that reads.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    lists::routes()
        .merge(single::routes())
        .merge(connections::routes())
        .merge(flows::routes())
        .merge(records::routes())
        .merge(timeline::routes())
}
