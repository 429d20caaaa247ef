--@ shop.json

--# one entry
WITH paid AS (SELECT customer_id, total FROM orders WHERE status = 'paid') SELECT customer_id, total FROM paid;
--> customer_id = orders.customer_id
--> total = orders.total
--> * ~ orders.status

--# a chain, as dbt writes it
WITH source AS (SELECT * FROM orders),
renamed AS (SELECT id AS order_id, customer_id, status AS order_status, total AS amount FROM source),
final AS (SELECT customer_id, sum(amount) AS lifetime, count(order_id) AS orders FROM renamed WHERE order_status <> 'void' GROUP BY customer_id)
SELECT * FROM final;
--> customer_id = orders.customer_id
--> lifetime = orders.total
--> orders = orders.id
--> * ~ orders.status orders.customer_id

--# a dbt mart with two staging tables
WITH customers_ AS (SELECT id AS customer_id, name FROM customers),
orders_ AS (SELECT id AS order_id, customer_id, ordered_at, total FROM orders),
by_customer AS (SELECT customer_id, min(ordered_at) AS first_order, max(ordered_at) AS last_order, sum(total) AS spent FROM orders_ GROUP BY 1),
joined AS (SELECT customers_.customer_id, customers_.name, by_customer.first_order, coalesce(by_customer.spent, 0) AS spent FROM customers_ LEFT JOIN by_customer USING (customer_id))
SELECT * FROM joined;
--> customer_id = customers.id
--> name = customers.name
--> first_order = orders.ordered_at
--> spent = orders.total
--> * ~ customers.id orders.customer_id

--# column names after the name
WITH t(a, b) AS (SELECT name, age FROM customers) SELECT b, a FROM t;
--> b = customers.age
--> a = customers.name

--# used twice
WITH t AS (SELECT id, manager_id, name FROM staff) SELECT x.name AS who, y.name AS boss FROM t x JOIN t y ON x.manager_id = y.id;
--> who = staff.name
--> boss = staff.name
--> * ~ staff.manager_id staff.id

--# unused
WITH t AS (SELECT age FROM customers), u AS (SELECT total FROM orders) SELECT total FROM u;
--> total = orders.total

--# a name that hides a table
WITH orders AS (SELECT id AS total FROM customers) SELECT total FROM orders;
--> total = customers.id

--# inside a sub-query
SELECT x.n FROM (WITH t AS (SELECT dept AS n FROM staff WHERE salary > 1) SELECT n FROM t) x;
--> n = staff.dept ~ staff.salary

--# in a filter
WITH big AS (SELECT customer_id FROM orders GROUP BY customer_id HAVING sum(total) > 100) SELECT name FROM customers WHERE id IN (SELECT customer_id FROM big);
--> name = customers.name
--> * ~ customers.id orders.customer_id orders.total

--# an inner WITH hides an outer
WITH t AS (SELECT name AS x FROM staff) SELECT x FROM (WITH t AS (SELECT name AS x FROM products) SELECT x FROM t) u;
--> x = products.name

--# recursive: a tree of people
WITH RECURSIVE under(id, name, depth) AS (
  SELECT id, name, 0 FROM staff WHERE manager_id IS NULL
  UNION ALL
  SELECT s.id, s.name, u.depth + 1 FROM staff s JOIN under u ON s.manager_id = u.id
) SELECT name, depth FROM under;
--> name = staff.name
--> depth =
--> * ~ staff.manager_id staff.id

--# recursive: what moves from column to column
WITH RECURSIVE r(a, b) AS (
  SELECT name, dept FROM staff
  UNION ALL
  SELECT b, a FROM r JOIN customers ON r.a = customers.email WHERE customers.age > 3
) SELECT a FROM r;
--> a = staff.name staff.dept ~ staff.name staff.dept customers.email customers.age

--# recursive: numbers
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT i, name FROM n JOIN staff ON staff.id = i;
--> i = ~ staff.id
--> name = staff.name ~ staff.id

--# recursive: a path of names
WITH RECURSIVE p AS (
  SELECT id, name AS path FROM staff WHERE manager_id IS NULL
  UNION ALL
  SELECT s.id, p.path || '/' || s.name FROM p JOIN staff s ON s.manager_id = p.id
) SELECT path FROM p WHERE id > 3;
--> path = staff.name ~ staff.manager_id staff.id

--# deduplicate, then join
WITH ranked AS (SELECT *, row_number() OVER (PARTITION BY product_id ORDER BY since DESC) AS rn FROM prices),
latest AS (SELECT product_id, price FROM ranked WHERE rn = 1)
SELECT p.name, l.price FROM products p LEFT JOIN latest l ON l.product_id = p.id;
--> name = products.name
--> price = prices.price
--> * ~ prices.product_id prices.since products.id

--# materialized (postgres)
WITH t AS MATERIALIZED (SELECT id, total FROM orders) SELECT sum(total) AS s FROM t WHERE id > 2;
--> s = orders.total ~ orders.id
