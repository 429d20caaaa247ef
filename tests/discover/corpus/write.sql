--@ shop.json

--# insert by position
INSERT INTO daily SELECT ordered_at, count(*), sum(total) FROM orders GROUP BY ordered_at;
--> output: daily
--> day = orders.ordered_at
--> n =
--> total = orders.total
--> * ~ orders.ordered_at

--# insert by name, in another order
INSERT INTO daily (total, day) SELECT sum(total), ordered_at FROM orders WHERE status = 'paid' GROUP BY 2;
--> output: daily
--> total = orders.total
--> day = orders.ordered_at
--> * ~ orders.status orders.ordered_at

--# insert of values
INSERT INTO daily (day, n) VALUES ('2026-01-01', 1), ('2026-01-02', 2);
--> output: daily
--> day =
--> n =

--# insert of a value that is read
INSERT INTO daily (n, total) VALUES (7, (SELECT max(total) FROM orders WHERE status = 'paid'));
--> output: daily
--> n =
--> total = orders.total ~ orders.status

--# insert with WITH before
WITH t AS (SELECT ordered_at AS d, total FROM orders) INSERT INTO daily (day, total) SELECT d, total FROM t;
--> output: daily
--> day = orders.ordered_at
--> total = orders.total

--# insert with WITH inside
INSERT INTO daily (day, total) WITH t AS (SELECT ordered_at AS d, total FROM orders) SELECT d, total FROM t;
--> output: daily
--> day = orders.ordered_at
--> total = orders.total

--# insert of a union
INSERT INTO archive (id, total) SELECT id, total FROM orders UNION ALL SELECT order_id, price FROM lines;
--> output: archive
--> id = orders.id lines.order_id
--> total = orders.total lines.price

--# insert of a star
INSERT INTO daily SELECT * FROM daily WHERE n > 1;
--> output: daily
--> day = daily.day
--> n = daily.n
--> total = daily.total
--> * ~ daily.n

--# upsert with the refused row (postgres)
INSERT INTO daily (day, total) SELECT ordered_at, sum(total) FROM orders GROUP BY ordered_at
ON CONFLICT (day) DO UPDATE SET total = excluded.total;
--> output: daily
--> day = orders.ordered_at
--> total = orders.total
--> * ~ orders.ordered_at

--# upsert that adds to what is there
INSERT INTO daily AS d (day, n, total) SELECT ordered_at, 1, total FROM orders WHERE true
ON CONFLICT (day) DO UPDATE SET n = d.n + excluded.n, total = excluded.total WHERE d.total < excluded.total;
--> output: daily
--> day = orders.ordered_at
--> n = daily.n ~ daily.total orders.total
--> total = orders.total ~ daily.total orders.total

--# upsert that does nothing
INSERT INTO daily (day, n) SELECT ordered_at, id FROM orders WHERE total > 1 ON CONFLICT (day) DO NOTHING;
--> output: daily
--> day = orders.ordered_at
--> n = orders.id
--> * ~ orders.total

--# on duplicate key (mysql)
INSERT INTO daily (day, n) SELECT ordered_at, id FROM orders ON DUPLICATE KEY UPDATE n = VALUES(n) + total;
--> output: daily
--> day = orders.ordered_at
--> n = orders.id daily.total

--# returning does not change what is written (postgres)
INSERT INTO archive (id, total) SELECT id, total FROM orders RETURNING id, status;
--> output: archive
--> id = orders.id
--> total = orders.total

--# insert by name of columns (duckdb)
INSERT INTO daily BY NAME SELECT total, ordered_at AS day FROM orders;
--> output: daily
--> total = orders.total
--> day = orders.ordered_at

--# overwrite a partition (spark)
INSERT OVERWRITE TABLE sales PARTITION (month = '1') SELECT country, age, id FROM customers;
--> output: sales
--> region = customers.country
--> month =
--> amount = customers.age
--> units = customers.id

--# replace into
REPLACE INTO daily (day, total) SELECT ordered_at, total FROM orders;
--> output: daily
--> day = orders.ordered_at
--> total = orders.total

--# create table as
CREATE TABLE paid AS SELECT id, total * 2 AS twice FROM orders WHERE status = 'paid';
--> output: paid
--> id = orders.id
--> twice = orders.total
--> * ~ orders.status

--# create a temporary table
CREATE TEMP TABLE top AS SELECT name FROM customers ORDER BY age DESC LIMIT 10;
--> output: top
--> name = customers.name ~ customers.age

--# create or replace in another schema (snowflake)
CREATE OR REPLACE TABLE mart.countries AS SELECT country, count(*) AS n FROM customers GROUP BY country;
--> output: mart.countries
--> country = customers.country ~ customers.country
--> n = ~ customers.country

--# view with names
CREATE VIEW adults (who, years) AS SELECT name, age FROM customers WHERE age > 17;
--> output: adults
--> who = customers.name
--> years = customers.age
--> * ~ customers.age

--# materialized view (postgres)
CREATE MATERIALIZED VIEW spent AS SELECT customer_id, sum(total) AS s FROM orders GROUP BY customer_id;
--> output: spent
--> customer_id = orders.customer_id
--> s = orders.total
--> * ~ orders.customer_id

--# select into (postgres)
SELECT name, age INTO grown FROM customers WHERE age > 17;
--> output: grown
--> name = customers.name
--> age = customers.age
--> * ~ customers.age

--# clone (snowflake)
CREATE TABLE daily_copy CLONE daily;
--> output: daily_copy
--> day = daily.day
--> n = daily.n
--> total = daily.total

--# update
UPDATE staff SET salary = salary * 1.1, dept = upper(name) WHERE dept = 'x';
--> output: staff
--> salary = staff.salary
--> dept = staff.name
--> * ~ staff.dept

--# update without a filter
UPDATE staff SET dept = 'none';
--> output: staff
--> dept =

--# update from
UPDATE archive SET total = o.total, status = 'new' FROM orders o WHERE o.id = archive.id AND o.status = 'paid';
--> output: archive
--> total = orders.total
--> status =
--> * ~ orders.id archive.id orders.status

--# update by a correlated sub-query
UPDATE archive SET total = (SELECT sum(price) FROM lines WHERE order_id = archive.id);
--> output: archive
--> total = lines.price ~ lines.order_id archive.id

--# update of several columns at once
UPDATE archive SET (total, status) = (SELECT total, status FROM orders WHERE orders.id = archive.id) WHERE customer_id > 4;
--> output: archive
--> total = orders.total
--> status = orders.status
--> * ~ orders.id archive.id archive.customer_id

--# update of an alias (tsql)
UPDATE a SET a.total = o.total FROM archive AS a JOIN orders o ON o.id = a.id WHERE o.status = 'paid';
--> output: archive
--> total = orders.total ~ orders.id archive.id orders.status

--# update with a join (mysql)
UPDATE archive a JOIN orders o ON o.id = a.id SET a.total = o.total, a.status = o.status;
--> output: archive
--> total = orders.total
--> status = orders.status
--> * ~ orders.id archive.id

--# update with WITH
WITH s AS (SELECT order_id, sum(price) AS p FROM lines GROUP BY order_id)
UPDATE archive SET total = s.p FROM s WHERE s.order_id = archive.id;
--> output: archive
--> total = lines.price ~ lines.order_id archive.id

--# update with a case
UPDATE archive SET status = CASE WHEN total > 100 THEN 'big' ELSE status END WHERE id IN (SELECT order_id FROM lines);
--> output: archive
--> status = archive.status ~ archive.total archive.id lines.order_id

--# delete
DELETE FROM daily WHERE n = 0;
--> output: daily
--> day = ~ daily.n
--> n = ~ daily.n
--> total = ~ daily.n

--# delete of everything
DELETE FROM daily;
--> output: daily
--> day =
--> n =
--> total =

--# delete by a sub-query
DELETE FROM daily WHERE day IN (SELECT ordered_at FROM orders WHERE status = 'void');
--> output: daily
--> day =
--> n =
--> total =
--> * ~ daily.day orders.ordered_at orders.status

--# delete using (postgres)
DELETE FROM prices USING products p WHERE p.id = prices.product_id AND p.category = 'old';
--> output: prices
--> product_id =
--> since =
--> price =
--> * ~ products.id prices.product_id products.category

--# merge
MERGE INTO archive AS a USING orders AS o ON a.id = o.id
WHEN MATCHED THEN UPDATE SET total = o.total, status = o.status
WHEN NOT MATCHED THEN INSERT (id, customer_id, total) VALUES (o.id, o.customer_id, o.total);
--> output: archive
--> total = orders.total
--> status = orders.status
--> id = orders.id
--> customer_id = orders.customer_id
--> * ~ archive.id orders.id

--# merge with a condition on a branch
MERGE INTO archive a USING orders o ON a.id = o.id
WHEN MATCHED AND o.total > 9 THEN UPDATE SET status = o.status
WHEN NOT MATCHED THEN INSERT (id, total) VALUES (o.id, 0);
--> output: archive
--> status = orders.status ~ orders.total
--> id = orders.id
--> total =
--> * ~ archive.id orders.id

--# merge from a query
MERGE INTO daily d USING (SELECT ordered_at AS day, sum(total) AS t FROM orders WHERE status = 'paid' GROUP BY ordered_at) s
ON d.day = s.day WHEN MATCHED THEN UPDATE SET total = d.total + s.t WHEN NOT MATCHED THEN INSERT (day, total) VALUES (s.day, s.t);
--> output: daily
--> total = daily.total orders.total
--> day = orders.ordered_at
--> * ~ daily.day orders.ordered_at orders.status

--# merge that deletes
MERGE INTO daily d USING orders o ON d.day = o.ordered_at WHEN MATCHED AND o.status = 'void' THEN DELETE;
--> output: daily
--> day =
--> n =
--> total =
--> * ~ daily.day orders.ordered_at orders.status

--# merge by name (databricks)
MERGE INTO archive t USING orders s ON t.id = s.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *;
--> output: archive
--> id = orders.id
--> customer_id = orders.customer_id
--> total = orders.total
--> status = orders.status
--> * ~ archive.id orders.id

--# merge of whole rows (bigquery)
MERGE INTO daily t USING daily s ON t.day = s.day WHEN NOT MATCHED THEN INSERT ROW;
--> output: daily
--> day = daily.day
--> n = daily.n
--> total = daily.total
--> * ~ daily.day
