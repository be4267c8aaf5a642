//! The migrations can be undone, and they and the entities describe the same tables.

use std::collections::BTreeMap;

use migrations::Migrator;
use sea_orm::{
    ColumnType, ConnectionTrait, Database, DatabaseConnection, DbBackend, EntityTrait, Iden as _,
    Iterable as _, PrimaryKeyToColumn as _, Statement,
};
use sea_orm_migration::MigratorTrait as _;

/// Column name → (type family, may be null, position in the primary key or 0).
type Columns = BTreeMap<String, (String, bool, i32)>;

async fn database() -> DatabaseConnection {
    let mut options = sea_orm::ConnectOptions::new("sqlite::memory:");
    options.max_connections(1).min_connections(1).sqlx_logging(false);
    Database::connect(options).await.expect("an in-memory database opens")
}

async fn schema(db: &DatabaseConnection) -> Vec<(String, String)> {
    let sql = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND name <> 'seaql_migrations' ORDER BY name";
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap();
    rows.iter()
        .map(|row| (row.try_get("", "name").unwrap(), row.try_get("", "sql").unwrap()))
        .collect()
}

async fn migrated_columns(db: &DatabaseConnection, table: &str) -> Columns {
    let sql = format!("SELECT name, type, \"notnull\", pk FROM pragma_table_info('{table}')");
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap();
    rows.iter()
        .map(|row| {
            let name: String = row.try_get("", "name").unwrap();
            let kind: String = row.try_get("", "type").unwrap();
            let is_not_null: i32 = row.try_get("", "notnull").unwrap();
            let pk: i32 = row.try_get("", "pk").unwrap();
            (name, (kind.to_lowercase(), is_not_null == 0, pk))
        })
        .collect()
}

fn entity_columns<E: EntityTrait>() -> Columns {
    use sea_orm::ColumnTrait as _;
    let keys: Vec<String> =
        E::PrimaryKey::iter().map(|key| key.into_column().unquoted().to_string()).collect();
    E::Column::iter()
        .map(|column| {
            let name = column.unquoted().to_string();
            let definition = column.def();
            let kind = definition.get_column_type();
            let families = [
                ("text", matches!(kind, ColumnType::String(_) | ColumnType::Text)),
                ("bigint", matches!(kind, ColumnType::BigInteger)),
                ("integer", matches!(kind, ColumnType::Integer)),
                ("boolean", matches!(kind, ColumnType::Boolean)),
            ];
            let family = families.into_iter().find_map(|(family, is_it)| is_it.then_some(family));
            let kind = family.unwrap_or_else(|| panic!("{name} has an unexpected type {kind:?}"));
            let position = keys.iter().position(|key| *key == name).map_or(0, |index| index + 1);
            (name, (kind.to_owned(), definition.is_null(), i32::try_from(position).unwrap()))
        })
        .collect()
}

#[tokio::test]
async fn every_migration_can_be_undone_and_done_again() {
    let db = database().await;
    let mut before = vec![schema(&db).await];
    for _ in Migrator::migrations() {
        Migrator::up(&db, Some(1)).await.unwrap();
        before.push(schema(&db).await);
    }
    let complete = before.pop().unwrap();
    while let Some(expected) = before.pop() {
        Migrator::down(&db, Some(1)).await.unwrap();
        assert_eq!(schema(&db).await, expected);
    }
    Migrator::up(&db, None).await.unwrap();
    assert_eq!(schema(&db).await, complete);
}

#[tokio::test]
async fn entities_and_migrations_describe_the_same_tables() {
    let db = database().await;
    Migrator::up(&db, None).await.unwrap();
    let mut described = Vec::new();
    macro_rules! check {
        ($($module:ident),*) => {$(
            let table = entities::$module::Entity.table_name().to_owned();
            assert_eq!(migrated_columns(&db, &table).await, entity_columns::<entities::$module::Entity>(), "{table}");
            described.push(table);
        )*};
    }
    use sea_orm::EntityName as _;
    check!(
        store,
        product,
        option_group,
        product_option,
        order,
        order_line,
        payment,
        cancellation,
        job,
        attempt,
        idempotency_key,
        staff,
        staff_store,
        audit,
        worker,
        breaker,
        pause,
        call_slot,
        poison_message,
        chore,
        webhook,
        finding,
        reconciliation,
        web_session,
        sign_in_try,
        job_minute,
        cancel_entry,
        bulk_run,
        bulk_item
    );
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'seaql_migrations'";
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap();
    let mut tables: Vec<String> = rows.iter().map(|row| row.try_get("", "name").unwrap()).collect();
    tables.sort();
    described.sort();
    assert_eq!(tables, described);
}
