-- The first start of PostgreSQL in compose.replicas.yaml. Superusers pass the walls between workspaces, so the servers have
-- a role that is none, and owns the database.
\getenv password POSTGRES_PASSWORD
create role mcp login password :'password';
alter database mcp owner to mcp;
