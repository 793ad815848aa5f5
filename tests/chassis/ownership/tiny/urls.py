"""What a tiny host routes: both domains, whichever of them it owns."""

from django.urls import path

from strangler.chassis import health
from tests.chassis.ownership.tiny.desk import views as desk
from tests.chassis.ownership.tiny.ledger import views as ledger

urlpatterns = [
    *health.urlpatterns,
    path("api/entries", ledger.Entries.as_view()),
    path("api/entries/<id:entry>", ledger.OneEntry.as_view()),
    path("api/own/<id:entry>", ledger.OwnEntry.as_view()),
    path("api/pairs", ledger.Pairs.as_view()),
    path("api/keyed-pairs", ledger.KeyedPairs.as_view()),
    path("api/uploads", ledger.Uploads.as_view()),
    path("api/total", ledger.Total.as_view()),
    path("api/visits", desk.Visits.as_view()),
    path("api/notes", desk.Notes.as_view()),
    path("api/trespasses", desk.Trespasses.as_view()),
    path("api/lookups/<id:entry>", desk.Lookups.as_view()),
]

handler500 = "strangler.chassis.problems.server_error"
