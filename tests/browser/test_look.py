import time
DATABASE = "county"
def test_x(desk):
    t=time.time()
    d = desk("maker"); print("login", time.time()-t)
    for p in ["/", "/imports/", "/students/", "/households/","/schools/","/runs/","/entitlements/","/packs/","/coverage/", "/students/?page=2"]:
        t=time.time(); d.go(p); a=time.time()-t; d.check(); print(p, round(a,2), round(time.time()-t-a,2))
