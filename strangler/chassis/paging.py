"""Lists in pages, as DRF's users know them: `{"count", "next", "previous", "results"}`."""

from rest_framework.pagination import PageNumberPagination


class Paging(PageNumberPagination):
    """`?page=` from 1, `?page_size=` up to 100; a page that is not there is a 404."""

    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 100
