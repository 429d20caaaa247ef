--@ shop.json

--# star except (bigquery)
SELECT * EXCEPT (n) FROM daily;
--> day = daily.day
--> total = daily.total

--# star exclude and replace (duckdb)
SELECT * EXCLUDE (day) REPLACE (total / n AS total) FROM daily;
--> n = daily.n
--> total = daily.total daily.n

--# star rename (snowflake)
SELECT * RENAME (n AS orders) FROM daily;
--> day = daily.day
--> orders = daily.n
--> total = daily.total

--# star of a table, without a column (bigquery)
SELECT d.* EXCEPT (day, n), c.name FROM daily d JOIN customers c ON c.id = d.n;
--> total = daily.total
--> name = customers.name
--> * ~ customers.id daily.n

--# distinct on (postgres)
SELECT DISTINCT ON (customer_id) customer_id, total FROM orders ORDER BY customer_id, ordered_at DESC;
--> customer_id = orders.customer_id
--> total = orders.total
--> * ~ orders.customer_id orders.ordered_at

--# group by all (duckdb)
SELECT country, email, max(age) AS a FROM customers GROUP BY ALL;
--> country = customers.country
--> email = customers.email
--> a = customers.age
--> * ~ customers.country customers.email

--# from first (duckdb)
FROM orders SELECT id, total WHERE status = 'paid';
--> id = orders.id
--> total = orders.total
--> * ~ orders.status

--# grouping sets (postgres)
SELECT region, month, sum(amount) AS a FROM sales GROUP BY GROUPING SETS ((region, month), (region), ());
--> region = sales.region
--> month = sales.month
--> a = sales.amount
--> * ~ sales.region sales.month

--# rollup (spark)
SELECT region, month, sum(amount) AS a FROM sales GROUP BY ROLLUP (region, month);
--> region = sales.region
--> month = sales.month
--> a = sales.amount
--> * ~ sales.region sales.month

--# cube (snowflake)
SELECT region, sum(units) AS u FROM sales GROUP BY CUBE (region, month) HAVING sum(amount) > 1;
--> region = sales.region
--> u = sales.units
--> * ~ sales.region sales.month sales.amount

--# an alias used beside it (snowflake)
SELECT price * quantity AS gross, gross * (1 - discount) AS net FROM lines;
--> gross = lines.price lines.quantity
--> net = lines.price lines.quantity lines.discount

--# iff and nvl2 (snowflake)
SELECT IFF(age > 17, name, email) AS i, NVL2(email, id, age) AS n, NVL(email, name) AS v FROM customers;
--> i = customers.name customers.email ~ customers.age
--> n = customers.id customers.age ~ customers.email
--> v = customers.email customers.name

--# decode (oracle)
SELECT DECODE(country, 'NO', name, 'SE', email, 'x') AS d FROM customers;
--> d = customers.name customers.email ~ customers.country

--# if (bigquery)
SELECT IF(age > 17, name, 'x') AS i, COUNTIF(age > 65) OVER () AS old FROM customers;
--> i = customers.name ~ customers.age
--> old = ~ customers.age

--# flatten (snowflake)
SELECT o.id, f.value:sku::string AS sku, f.index AS i FROM orders o, LATERAL FLATTEN(input => o.items) f;
--> id = orders.id
--> sku = orders.items
--> i =

--# path into a document (snowflake)
SELECT props:device.os::string AS os, props['lang'] AS lang FROM events WHERE props:country = 'NO';
--> os = events.props
--> lang = events.props
--> * ~ events.props

--# unnest (bigquery)
SELECT o.id, i.price * i.quantity AS paid FROM orders AS o, UNNEST(o.items) AS i WHERE i.sku = 'x';
--> id = orders.id
--> paid = orders.items
--> * ~ orders.items

--# unnest with offset (bigquery)
SELECT id, item, pos FROM orders, UNNEST(items) AS item WITH OFFSET AS pos;
--> id = orders.id
--> item = orders.items
--> pos =

--# unnest with ordinality (trino)
SELECT o.id, u.item, u.n FROM orders o CROSS JOIN UNNEST(o.items) WITH ORDINALITY AS u(item, n);
--> id = orders.id
--> item = orders.items
--> n =

--# unnest in a projection (duckdb)
SELECT id, unnest(items) AS item FROM orders;
--> id = orders.id
--> item = orders.items

--# lateral view (spark)
SELECT id, item FROM orders LATERAL VIEW explode(items) e AS item WHERE status = 'paid';
--> id = orders.id
--> item = orders.items
--> * ~ orders.status

--# lateral view with a position (spark)
SELECT id, p, item FROM orders LATERAL VIEW OUTER posexplode(items) e AS p, item;
--> id = orders.id
--> p =
--> item = orders.items

--# stack (spark)
SELECT region, m, v FROM wide LATERAL VIEW stack(2, 'jan', jan, 'feb', feb) s AS m, v;
--> region = wide.region
--> m =
--> v = wide.jan wide.feb

--# json functions (sqlite)
SELECT e.value AS v, o.id FROM orders o, json_each(o.items) e;
--> v = orders.items
--> id = orders.id

--# json operators (postgres)
SELECT props ->> 'os' AS os, (props -> 'a' ->> 'b')::int AS b FROM events WHERE props @> '{"x": 1}';
--> os = events.props
--> b = events.props
--> * ~ events.props

--# a set-returning function (postgres)
SELECT id, e.value AS item FROM orders, jsonb_array_elements(items) AS e(value);
--> id = orders.id
--> item = orders.items

--# a series beside a table (postgres)
SELECT g.n, s.name FROM generate_series(1, 3) AS g(n) LEFT JOIN staff s ON s.id = g.n;
--> n = ~ staff.id
--> name = staff.name ~ staff.id

--# lambda (spark)
SELECT transform(items, x -> x + total) AS t FROM orders;
--> t = orders.items orders.total

--# struct (bigquery)
SELECT STRUCT(name AS n, age) AS s FROM customers;
--> s = customers.name customers.age

--# a field of a struct (bigquery)
SELECT props.device.os, e.props.lang AS lang FROM events e;
--> os = events.props
--> lang = events.props

--# a field of a struct that a sub-query made (duckdb)
SELECT s.n FROM (SELECT {'n': name, 'a': age} AS s FROM customers) t;
--> n = customers.name customers.age

--# a whole row (postgres)
SELECT to_json(d) AS j FROM daily d;
--> j = daily.day daily.n daily.total

--# list aggregates (duckdb)
SELECT dept, list(name ORDER BY salary) AS names FROM staff GROUP BY dept;
--> dept = staff.dept
--> names = staff.name ~ staff.salary
--> * ~ staff.dept

--# string_agg (postgres)
SELECT dept, string_agg(name, ', ' ORDER BY id) AS names FROM staff GROUP BY dept;
--> dept = staff.dept
--> names = staff.name ~ staff.id
--> * ~ staff.dept

--# listagg within group (snowflake)
SELECT LISTAGG(name, ',') WITHIN GROUP (ORDER BY salary) AS names FROM staff;
--> names = staff.name ~ staff.salary

--# a percentile within group (postgres)
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY salary) AS median FROM staff WHERE dept = 'x';
--> median = staff.salary ~ staff.dept

--# max_by (trino)
SELECT dept, max_by(name, salary) AS best FROM staff GROUP BY dept;
--> dept = staff.dept
--> best = staff.name ~ staff.salary
--> * ~ staff.dept

--# arg_max (duckdb)
SELECT arg_max(name, salary) AS best FROM staff;
--> best = staff.name ~ staff.salary

--# semi join (spark)
SELECT name FROM customers c LEFT SEMI JOIN orders o ON o.customer_id = c.id AND o.total > 3;
--> name = customers.name
--> * ~ orders.customer_id customers.id orders.total

--# anti join of a query (duckdb)
SELECT name FROM customers c ANTI JOIN (SELECT customer_id FROM orders WHERE status = 'paid') o ON o.customer_id = c.id;
--> name = customers.name
--> * ~ orders.customer_id customers.id orders.status

--# asof join (duckdb)
SELECT l.order_id, p.price FROM lines l ASOF JOIN prices p ON p.product_id = l.product_id AND l.quantity >= p.since;
--> order_id = lines.order_id
--> price = prices.price
--> * ~ prices.product_id lines.product_id lines.quantity prices.since

--# pivot (snowflake)
SELECT * FROM (SELECT region, month, amount FROM sales) PIVOT (SUM(amount) FOR month IN ('jan', 'feb')) AS p (region, j, f);
--> region = sales.region
--> j = sales.amount ~ sales.month
--> f = sales.amount ~ sales.month
--> * ~ sales.region

--# pivot with aliases (spark)
SELECT region, a_total FROM (SELECT region, month, amount FROM sales) PIVOT (sum(amount) AS total, max(amount) AS most FOR month IN ('jan' AS a, 'feb' AS b));
--> region = sales.region
--> a_total = sales.amount ~ sales.month
--> * ~ sales.region

--# unpivot (bigquery)
SELECT region, month, amount FROM wide UNPIVOT (amount FOR month IN (jan, feb));
--> region = wide.region
--> month =
--> amount = wide.jan wide.feb

--# top (tsql)
SELECT TOP 5 name, [email] FROM customers ORDER BY age;
--> name = customers.name
--> email = customers.email
--> * ~ customers.age

--# sample (postgres)
SELECT name FROM customers TABLESAMPLE SYSTEM (10) WHERE age > 3;
--> name = customers.name
--> * ~ customers.age

--# time travel (snowflake)
SELECT d.total FROM daily AT (TIMESTAMP => '2026-01-01'::timestamp) d;
--> total = daily.total

--# connect by (oracle)
SELECT name, LEVEL AS depth FROM staff START WITH manager_id IS NULL CONNECT BY PRIOR id = manager_id;
--> name = staff.name
--> depth =
--> * ~ staff.manager_id staff.id

--# limit by (clickhouse)
SELECT page FROM events ORDER BY ts LIMIT 2 BY user_id;
--> page = events.page
--> * ~ events.ts events.user_id

--# backticks (bigquery)
SELECT `name` AS `who` FROM `customers` WHERE `age` > 3;
--> who = customers.name ~ customers.age

--# sort by (spark)
SELECT name FROM staff SORT BY salary;
--> name = staff.name ~ staff.salary

--# names in upper case (snowflake)
SELECT NAME, SUM(TOTAL) AS SPENT FROM CUSTOMERS JOIN ORDERS ON CUSTOMERS.ID = ORDERS.CUSTOMER_ID GROUP BY NAME;
--> name = customers.name
--> spent = orders.total
--> * ~ customers.id orders.customer_id customers.name

--# x in a table (sqlite)
SELECT n FROM daily WHERE day IN (SELECT since FROM prices) AND total > 1;
--> n = daily.n
--> * ~ daily.day prices.since daily.total

--# a date's unit is no column (snowflake)
SELECT DATEDIFF(day, since, CURRENT_DATE) AS d, DATE_TRUNC('month', since) AS m FROM prices;
--> d = prices.since
--> m = prices.since

--# conditional aggregates (clickhouse)
SELECT countIf(total > 3) AS n FROM orders;
--> n = ~ orders.total

--# sum_if and final (clickhouse)
SELECT status, sumIf(total, customer_id > 3) AS t FROM orders FINAL PREWHERE id > 1 GROUP BY status;
--> status = orders.status
--> t = orders.total ~ orders.customer_id
--> * ~ orders.id orders.status

--# flatten without a name (snowflake)
SELECT id, value:sku::string AS sku, index AS i FROM orders, TABLE(FLATTEN(items));
--> id = orders.id
--> sku = orders.items
--> i =

--# nobody's table (oracle)
SELECT (SELECT max(total) FROM orders) AS top FROM dual;
--> top = orders.total

--# minus, and an outer join in the old spelling (oracle)
SELECT c.name FROM customers c, orders o WHERE c.id = o.customer_id(+) MINUS SELECT name FROM staff;
--> name = customers.name ~ customers.id orders.customer_id staff.name

--# a field of what an array holds (bigquery)
SELECT id, (SELECT SUM(i.price) FROM UNNEST(items) AS i) AS paid FROM orders;
--> id = orders.id
--> paid = orders.items

--# named arguments and structs in an aggregate (bigquery)
SELECT customer_id, ARRAY_AGG(STRUCT(id, total AS t) ORDER BY ordered_at DESC LIMIT 1)[OFFSET(0)] AS last FROM orders GROUP BY 1;
--> customer_id = orders.customer_id
--> last = orders.id orders.total ~ orders.ordered_at
--> * ~ orders.customer_id
