--@ shop.json

--# union all
SELECT name, age FROM customers UNION ALL SELECT name, salary FROM staff;
--> name = customers.name staff.name
--> age = customers.age staff.salary

--# union
SELECT country AS place FROM customers UNION SELECT dept FROM staff;
--> place = customers.country staff.dept

--# a filter of one branch
SELECT name FROM customers WHERE age > 17 UNION ALL SELECT name FROM products;
--> name = customers.name products.name ~ customers.age

--# three branches and a literal
SELECT id, 'c' AS kind FROM customers UNION ALL SELECT id, 'o' FROM orders UNION ALL SELECT id, status FROM archive;
--> id = customers.id orders.id archive.id
--> kind = archive.status

--# intersect: the value is in both
SELECT name FROM customers INTERSECT SELECT name FROM staff;
--> name = customers.name staff.name

--# except: the right side takes away
SELECT id FROM customers EXCEPT SELECT customer_id FROM orders WHERE status = 'paid';
--> id = customers.id ~ orders.customer_id orders.status

--# except of two columns
SELECT id, total FROM orders EXCEPT SELECT id, total FROM archive;
--> id = orders.id
--> total = orders.total
--> * ~ archive.id archive.total

--# order by around a union
SELECT name, id FROM customers UNION ALL SELECT name, id FROM staff ORDER BY id;
--> name = customers.name staff.name
--> id = customers.id staff.id
--> * ~ customers.id staff.id

--# a union in a derived table
SELECT u.v, count(*) AS n FROM (SELECT country AS v FROM customers UNION ALL SELECT dept FROM staff) u GROUP BY u.v;
--> v = customers.country staff.dept
--> n =
--> * ~ customers.country staff.dept

--# a union in IN
SELECT total FROM orders WHERE customer_id IN (SELECT id FROM customers UNION SELECT user_id FROM events);
--> total = orders.total
--> * ~ orders.customer_id customers.id events.user_id

--# brackets decide what belongs together
(SELECT name FROM customers ORDER BY age LIMIT 1) UNION ALL SELECT name FROM staff;
--> name = customers.name staff.name ~ customers.age

--# by name (duckdb)
SELECT id, name FROM customers UNION ALL BY NAME SELECT name, dept FROM staff;
--> id = customers.id
--> name = customers.name staff.name
--> dept = staff.dept

--# values
VALUES (1, 'a'), (2, 'b');
--> column1 =
--> column2 =
