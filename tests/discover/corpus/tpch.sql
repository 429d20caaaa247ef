--@ tpch.json
-- In the shape of TPC-H's questions, shortened.

--# pricing summary
select l_returnflag, l_linestatus, sum(l_quantity) as sum_qty, sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) as charge, avg(l_discount) as avg_disc, count(*) as n
from lineitem where l_shipdate <= date '1998-12-01' - interval '90' day
group by l_returnflag, l_linestatus order by l_returnflag, l_linestatus;
--> l_returnflag = lineitem.l_returnflag
--> l_linestatus = lineitem.l_linestatus
--> sum_qty = lineitem.l_quantity
--> charge = lineitem.l_extendedprice lineitem.l_discount lineitem.l_tax
--> avg_disc = lineitem.l_discount
--> n =
--> * ~ lineitem.l_shipdate lineitem.l_returnflag lineitem.l_linestatus

--# minimum cost supplier
select s_name, p_partkey from part, supplier, partsupp
where p_partkey = ps_partkey and s_suppkey = ps_suppkey and p_size = 15
  and ps_supplycost = (select min(ps_supplycost) from partsupp, supplier, nation where p_partkey = ps_partkey and s_suppkey = ps_suppkey and s_nationkey = n_nationkey and n_name = 'FRANCE')
order by s_acctbal desc limit 100;
--> s_name = supplier.s_name
--> p_partkey = part.p_partkey
--> * ~ part.p_partkey partsupp.ps_partkey supplier.s_suppkey partsupp.ps_suppkey part.p_size partsupp.ps_supplycost supplier.s_nationkey nation.n_nationkey nation.n_name supplier.s_acctbal

--# shipping priority
select l_orderkey, sum(l_extendedprice * (1 - l_discount)) as revenue, o_orderdate
from customer, orders, lineitem
where c_mktsegment = 'BUILDING' and c_custkey = o_custkey and l_orderkey = o_orderkey and l_shipdate > date '1995-03-15'
group by l_orderkey, o_orderdate order by revenue desc, o_orderdate limit 10;
--> l_orderkey = lineitem.l_orderkey
--> revenue = lineitem.l_extendedprice lineitem.l_discount
--> o_orderdate = orders.o_orderdate
--> * ~ customer.c_mktsegment customer.c_custkey orders.o_custkey lineitem.l_orderkey orders.o_orderkey lineitem.l_shipdate orders.o_orderdate lineitem.l_extendedprice lineitem.l_discount

--# order priority checking
select o_orderpriority, count(*) as order_count from orders
where o_orderdate >= date '1993-07-01' and exists (select * from lineitem where l_orderkey = o_orderkey and l_commitdate < l_receiptdate)
group by o_orderpriority order by o_orderpriority;
--> o_orderpriority = orders.o_orderpriority
--> order_count =
--> * ~ orders.o_orderdate lineitem.l_orderkey orders.o_orderkey lineitem.l_commitdate lineitem.l_receiptdate orders.o_orderpriority

--# local supplier volume
select n_name, sum(l_extendedprice) as revenue from lineitem, supplier, nation, region
where l_suppkey = s_suppkey and s_nationkey = n_nationkey and n_regionkey = r_regionkey and r_name = 'ASIA'
group by n_name order by revenue desc;
--> n_name = nation.n_name
--> revenue = lineitem.l_extendedprice
--> * ~ lineitem.l_suppkey supplier.s_suppkey supplier.s_nationkey nation.n_nationkey nation.n_regionkey region.r_regionkey region.r_name nation.n_name lineitem.l_extendedprice

--# forecast revenue change
select sum(l_extendedprice * l_discount) as revenue from lineitem
where l_shipdate < date '1995-01-01' and l_discount between 0.05 and 0.07 and l_quantity < 24;
--> revenue = lineitem.l_extendedprice lineitem.l_discount ~ lineitem.l_shipdate lineitem.l_discount lineitem.l_quantity

--# volume shipping
select supp_nation, cust_nation, l_year, sum(volume) as revenue from (
  select n1.n_name as supp_nation, n2.n_name as cust_nation, extract(year from l_shipdate) as l_year, l_extendedprice * (1 - l_discount) as volume
  from supplier, lineitem, orders, customer, nation n1, nation n2
  where s_suppkey = l_suppkey and o_orderkey = l_orderkey and c_custkey = o_custkey and s_nationkey = n1.n_nationkey and c_nationkey = n2.n_nationkey
) as shipping group by supp_nation, cust_nation, l_year;
--> supp_nation = nation.n_name
--> cust_nation = nation.n_name
--> l_year = lineitem.l_shipdate
--> revenue = lineitem.l_extendedprice lineitem.l_discount
--> * ~ supplier.s_suppkey lineitem.l_suppkey orders.o_orderkey lineitem.l_orderkey customer.c_custkey orders.o_custkey supplier.s_nationkey nation.n_nationkey customer.c_nationkey nation.n_name lineitem.l_shipdate

--# national market share
select o_year, sum(case when nation = 'BRAZIL' then volume else 0 end) / sum(volume) as mkt_share from (
  select extract(year from o_orderdate) as o_year, l_extendedprice as volume, n_name as nation
  from lineitem join orders on l_orderkey = o_orderkey join supplier on s_suppkey = l_suppkey join nation on s_nationkey = n_nationkey
) as all_nations group by o_year order by o_year;
--> o_year = orders.o_orderdate
--> mkt_share = lineitem.l_extendedprice ~ nation.n_name
--> * ~ lineitem.l_orderkey orders.o_orderkey supplier.s_suppkey lineitem.l_suppkey supplier.s_nationkey nation.n_nationkey orders.o_orderdate

--# product type profit
select nation, sum(amount) as sum_profit from (
  select n_name as nation, l_extendedprice - ps_supplycost * l_quantity as amount from part, lineitem, partsupp, nation
  where p_partkey = l_partkey and ps_partkey = l_partkey and p_name like '%green%' and ps_suppkey = n_nationkey
) as profit group by nation order by nation;
--> nation = nation.n_name
--> sum_profit = lineitem.l_extendedprice partsupp.ps_supplycost lineitem.l_quantity
--> * ~ part.p_partkey lineitem.l_partkey partsupp.ps_partkey part.p_name partsupp.ps_suppkey nation.n_nationkey nation.n_name

--# returned items
select c_custkey, c_name, sum(l_extendedprice) as revenue from customer, orders, lineitem
where c_custkey = o_custkey and l_orderkey = o_orderkey and l_returnflag = 'R'
group by c_custkey, c_name, c_acctbal order by revenue desc limit 20;
--> c_custkey = customer.c_custkey
--> c_name = customer.c_name
--> revenue = lineitem.l_extendedprice
--> * ~ customer.c_custkey orders.o_custkey lineitem.l_orderkey orders.o_orderkey lineitem.l_returnflag customer.c_name customer.c_acctbal lineitem.l_extendedprice

--# important stock
select ps_partkey, sum(ps_supplycost * ps_availqty) as value from partsupp, supplier where ps_suppkey = s_suppkey
group by ps_partkey having sum(ps_supplycost * ps_availqty) > (select sum(ps_supplycost * ps_availqty) * 0.0001 from partsupp, nation where n_name = 'GERMANY' and ps_suppkey = n_nationkey)
order by value desc;
--> ps_partkey = partsupp.ps_partkey
--> value = partsupp.ps_supplycost partsupp.ps_availqty
--> * ~ partsupp.ps_suppkey supplier.s_suppkey partsupp.ps_partkey partsupp.ps_supplycost partsupp.ps_availqty nation.n_name nation.n_nationkey

--# shipping modes
select l_shipmode, sum(case when o_orderpriority = '1-URGENT' or o_orderpriority = '2-HIGH' then 1 else 0 end) as high
from orders, lineitem where o_orderkey = l_orderkey and l_shipmode in ('MAIL', 'SHIP') and l_commitdate < l_receiptdate
group by l_shipmode;
--> l_shipmode = lineitem.l_shipmode
--> high = ~ orders.o_orderpriority
--> * ~ orders.o_orderkey lineitem.l_orderkey lineitem.l_shipmode lineitem.l_commitdate lineitem.l_receiptdate

--# customer distribution
select c_count, count(*) as custdist from (
  select c_custkey, count(o_orderkey) from customer left outer join orders on c_custkey = o_custkey and o_comment not like '%special%' group by c_custkey
) as c_orders (c_custkey, c_count) group by c_count order by custdist desc, c_count desc;
--> c_count = orders.o_orderkey
--> custdist =
--> * ~ customer.c_custkey orders.o_custkey orders.o_comment orders.o_orderkey

--# promotion effect
select 100.00 * sum(case when p_type like 'PROMO%' then l_extendedprice * (1 - l_discount) else 0 end) / sum(l_extendedprice) as promo_revenue
from lineitem, part where l_partkey = p_partkey and l_shipdate >= date '1995-09-01';
--> promo_revenue = lineitem.l_extendedprice lineitem.l_discount ~ part.p_type lineitem.l_partkey part.p_partkey lineitem.l_shipdate

--# top supplier
with revenue (supplier_no, total_revenue) as (
  select l_suppkey, sum(l_extendedprice) from lineitem where l_shipdate >= date '1996-01-01' group by l_suppkey
) select s_suppkey, total_revenue from supplier, revenue
where s_suppkey = supplier_no and total_revenue = (select max(total_revenue) from revenue) order by s_suppkey;
--> s_suppkey = supplier.s_suppkey
--> total_revenue = lineitem.l_extendedprice
--> * ~ lineitem.l_shipdate lineitem.l_suppkey supplier.s_suppkey lineitem.l_extendedprice

--# parts and suppliers
select p_brand, count(distinct ps_suppkey) as supplier_cnt from partsupp, part
where p_partkey = ps_partkey and p_size in (49, 14) and ps_suppkey not in (select s_suppkey from supplier where s_comment like '%Complaints%')
group by p_brand order by supplier_cnt desc;
--> p_brand = part.p_brand
--> supplier_cnt = partsupp.ps_suppkey
--> * ~ part.p_partkey partsupp.ps_partkey part.p_size partsupp.ps_suppkey supplier.s_suppkey supplier.s_comment part.p_brand

--# small quantity orders
select sum(l_extendedprice) / 7.0 as avg_yearly from lineitem, part
where p_partkey = l_partkey and p_brand = 'Brand#23' and l_quantity < (select 0.2 * avg(l_quantity) from lineitem where l_partkey = p_partkey);
--> avg_yearly = lineitem.l_extendedprice ~ part.p_partkey lineitem.l_partkey part.p_brand lineitem.l_quantity

--# large volume customers
select c_name, o_orderkey, sum(l_quantity) as q from customer, orders, lineitem
where o_orderkey in (select l_orderkey from lineitem group by l_orderkey having sum(l_quantity) > 300) and c_custkey = o_custkey and o_orderkey = l_orderkey
group by c_name, o_orderkey, o_totalprice order by o_totalprice desc limit 100;
--> c_name = customer.c_name
--> o_orderkey = orders.o_orderkey
--> q = lineitem.l_quantity
--> * ~ orders.o_orderkey lineitem.l_orderkey lineitem.l_quantity customer.c_custkey orders.o_custkey customer.c_name orders.o_totalprice

--# discounted revenue
select sum(l_extendedprice) as revenue from lineitem, part
where (p_partkey = l_partkey and p_brand = 'Brand#12' and l_quantity >= 1) or (p_partkey = l_partkey and p_container in ('MED BAG') and l_shipmode in ('AIR'));
--> revenue = lineitem.l_extendedprice ~ part.p_partkey lineitem.l_partkey part.p_brand lineitem.l_quantity part.p_container lineitem.l_shipmode

--# potential part promotion
select s_name from supplier where s_suppkey in (
  select ps_suppkey from partsupp where ps_partkey in (select p_partkey from part where p_name like 'forest%')
    and ps_availqty > (select 0.5 * sum(l_quantity) from lineitem where l_partkey = ps_partkey and l_suppkey = ps_suppkey)
) order by s_name;
--> s_name = supplier.s_name ~ supplier.s_suppkey partsupp.ps_suppkey partsupp.ps_partkey part.p_partkey part.p_name partsupp.ps_availqty lineitem.l_quantity lineitem.l_partkey lineitem.l_suppkey supplier.s_name

--# suppliers who kept orders waiting
select s_name, count(*) as numwait from supplier, lineitem l1, orders
where s_suppkey = l1.l_suppkey and o_orderkey = l1.l_orderkey and o_orderstatus = 'F'
  and exists (select * from lineitem l2 where l2.l_orderkey = l1.l_orderkey and l2.l_suppkey <> l1.l_suppkey)
  and not exists (select * from lineitem l3 where l3.l_orderkey = l1.l_orderkey and l3.l_receiptdate > l3.l_commitdate)
group by s_name order by numwait desc, s_name;
--> s_name = supplier.s_name
--> numwait =
--> * ~ supplier.s_suppkey lineitem.l_suppkey orders.o_orderkey lineitem.l_orderkey orders.o_orderstatus lineitem.l_receiptdate lineitem.l_commitdate supplier.s_name

--# global sales opportunity
select cntrycode, count(*) as numcust, sum(c_acctbal) as totacctbal from (
  select substring(c_phone from 1 for 2) as cntrycode, c_acctbal from customer
  where substring(c_phone from 1 for 2) in ('13', '31') and c_acctbal > (select avg(c_acctbal) from customer where c_acctbal > 0.00)
    and not exists (select * from orders where o_custkey = c_custkey)
) as custsale group by cntrycode;
--> cntrycode = customer.c_phone
--> numcust =
--> totacctbal = customer.c_acctbal
--> * ~ customer.c_phone customer.c_acctbal orders.o_custkey customer.c_custkey
